/** Activations that are kept for later may lie in memory as f16. Kernels compute in f32 either way and convert where they load and store. */

import type { GpuFeatures } from '../gpu';
import type { Tensor } from '../tensor';

/** How a kept activation is stored. */
export type ActivationType = 'f32' | 'f16';

/** What a device stores them as: f16 where its shaders have it. A device opened without the feature runs everything in f32. */
export function activationType({ f16 }: Pick<GpuFeatures, 'f16'>): ActivationType {
  return f16 ? 'f16' : 'f32';
}

/**
 * The conditions `<role>_f16` that link a kernel for the types of its tensors (`shaders/activation.wesl`). Tensors of one role share a type.
 */
export function storageConditions(
  roles: Readonly<Record<string, readonly Tensor[]>>,
): Record<string, boolean> {
  const conditions = Object.entries(roles).map(([role, tensors]): [string, boolean] => {
    const types = new Set(tensors.map(({ dtype }) => dtype));
    const [type] = types;
    if (types.size !== 1 || (type !== 'f16' && type !== 'f32')) {
      const all = tensors.map(({ name, dtype }) => `${name} ${dtype}`).join(', ');
      throw new Error(`activations are f32 or f16, those of one role alike, not ${all}`);
    }
    return [`${role}_f16`, type === 'f16'];
  });
  return Object.fromEntries(conditions);
}
