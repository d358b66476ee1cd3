/**
 * A plan is the flat list of everything the GPU does for one pass over a model. It is recorded once, without a GPU; compiled once,
 * which makes pipelines, parameter blocks and bind groups; and then encoded again and again. What changes from step to step is data in
 * tensors, never part of the plan.
 */

import { GpuError } from './gpu';
import type { KernelSpec } from './shader-library';
import { largestOf, type Tensor } from './tensor';
import type { Work } from './work';

/** One scalar of a kernel's `params` uniform. */
export interface Param {
  readonly type: 'u32' | 'i32' | 'f32';
  readonly value: number;
}

export const u32 = (value: number): Param => ({ type: 'u32', value });
export const i32 = (value: number): Param => ({ type: 'i32', value });
export const f32 = (value: number): Param => ({ type: 'f32', value });

/** Workgroup counts in x, y and z. */
export type Workgroups = readonly [number, number, number];

/** The largest number of workgroups in a dimension that every WebGPU device allows. */
export const MAX_WORKGROUPS = 65_535;

/** One kernel launch. */
export interface Dispatch {
  readonly kind: 'dispatch';
  /** Operation and place, as shown in errors and profiles: `layers.3.q_proj forward`. */
  readonly label: string;
  readonly kernel: KernelSpec;
  /** `@group(0) @binding(0)`: a uniform struct of 4-byte scalars in this order. */
  readonly params: readonly Param[];
  /** `@group(0) @binding(1)` and on, in this order. */
  readonly tensors: readonly Tensor[];
  /** `@group(1) @binding(0)` and on: the buffers of a frozen weight, declared by the module that decodes it. */
  readonly weight?: readonly Tensor[];
  readonly workgroups: Workgroups;
  /** About how many multiply-adds it takes; paces submissions and gives GFLOPS in profiles. */
  readonly cost: number;
}

/** Zeroing a whole tensor. */
export interface Clear {
  readonly kind: 'clear';
  readonly tensor: Tensor;
}

/** Copying the first `bytes` of a tensor over another's; a multiple of 4. */
export interface Copy {
  readonly kind: 'copy';
  readonly from: Tensor;
  readonly to: Tensor;
  readonly bytes: number;
}

export type Command = Dispatch | Clear | Copy;

/** A recorded list of commands. */
export class Plan {
  readonly commands: Command[] = [];

  constructor(readonly name: string) {}

  dispatch(dispatch: Omit<Dispatch, 'kind'>): void {
    const { label, workgroups, params } = dispatch;
    if (workgroups.some((count) => count < 1 || !Number.isInteger(count))) {
      throw new Error(`${label}: ${workgroups.join(' x ')} workgroups cannot be dispatched`);
    }
    if (workgroups.some((count) => count > MAX_WORKGROUPS)) {
      const message = `${label} takes ${workgroups.join(' x ')} workgroups, more than a GPU launches at once; take a smaller micro_batch_size or a shorter max_seq_length`;
      throw new GpuError({ kind: 'invalid', message });
    }
    if (params.length === 0) throw new Error(`${label}: a kernel has at least one parameter`);
    this.commands.push({ kind: 'dispatch', ...dispatch });
  }

  clear(tensor: Tensor): void {
    this.commands.push({ kind: 'clear', tensor });
  }

  copy(from: Tensor, to: Tensor, bytes: number): void {
    this.commands.push({ kind: 'copy', from, to, bytes });
  }

  /** What it asks of a GPU each time. */
  get work(): Work {
    const costs = this.commands.map((command) => (command.kind === 'dispatch' ? command.cost : 0));
    const multiplyAdds = costs.reduce((sum, cost) => sum + cost, 0);
    return { launches: this.commands.length, multiplyAdds };
  }

  /** The largest tensor that one of its kernels binds. */
  get largestBinding(): Tensor {
    return largestOf(
      this.commands.flatMap((command) =>
        command.kind === 'dispatch' ? [...command.tensors, ...(command.weight ?? [])] : [],
      ),
    );
  }

  /** The kernels that it launches. */
  get kernels(): KernelSpec[] {
    return this.commands.flatMap((command) =>
      command.kind === 'dispatch' ? [command.kernel] : [],
    );
  }
}

/**
 * Workgroup counts for `count` workgroups in a row, folded into y where one dimension does not hold them. The shader gets its place
 * back by `grid::linear_workgroup` and leaves when that is at or past the count.
 */
export function linearWorkgroups(count: number): Workgroups {
  if (count <= MAX_WORKGROUPS) return [count, 1, 1];
  const rows = Math.ceil(count / MAX_WORKGROUPS);
  return [Math.ceil(count / rows), rows, 1];
}
