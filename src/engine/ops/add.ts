import { f32, linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';

const WORKGROUP_SIZE = 128;

/** into += scale · from, for the first `count` elements: residual connections and the sums of their gradients. */
export function add(
  plan: Plan,
  addition: {
    readonly label: string;
    readonly from: Tensor;
    /** In another buffer than `from`. */
    readonly into: Tensor;
    readonly count: number;
    /** 1 unless said. */
    readonly scale?: number;
  },
): void {
  const { label, from, into, count, scale = 1 } = addition;
  plan.dispatch({
    label,
    kernel: { module: 'add', constants: { workgroup_size: WORKGROUP_SIZE } },
    params: [u32(count), f32(scale)],
    tensors: [from, into],
    workgroups: linearWorkgroups(Math.ceil(count / 4 / WORKGROUP_SIZE)),
    cost: 2 * count,
  });
}
