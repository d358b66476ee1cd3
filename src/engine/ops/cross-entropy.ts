/** Cross-entropy over logits, with its gradient left in their place. */

import { linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';

const WORKGROUP_SIZE = 256;
const constants = { workgroup_size: WORKGROUP_SIZE };

/**
 * rowLoss [rows] = −log softmax(logits)[target], 0 where the target is negative. With `lossScale` [1] the logits [rows, vocabulary]
 * become the gradient of lossScale · sum(rowLoss); without, they stay.
 */
export function crossEntropy(
  plan: Plan,
  loss: {
    readonly label: string;
    readonly logits: Tensor;
    /** i32 [rows] */
    readonly targets: Tensor;
    readonly rowLoss: Tensor;
    readonly lossScale?: Tensor | undefined;
    readonly rows: number;
    readonly vocabulary: number;
  },
): void {
  const { rows, vocabulary, lossScale } = loss;
  plan.dispatch({
    label: `${loss.label} cross-entropy`,
    kernel: {
      module: 'cross_entropy',
      constants,
      conditions: { gradient: lossScale !== undefined },
    },
    params: [u32(rows), u32(vocabulary)],
    tensors: [loss.targets, loss.logits, loss.rowLoss, ...(lossScale ? [lossScale] : [])],
    workgroups: linearWorkgroups(rows),
    cost: 8 * rows * vocabulary,
  });
}

/** lossSum [1] += sum of rowLoss [rows]. */
export function addLosses(
  plan: Plan,
  loss: { readonly rowLoss: Tensor; readonly lossSum: Tensor; readonly rows: number },
): void {
  plan.dispatch({
    label: 'loss sum',
    kernel: { module: 'loss_sum', constants },
    params: [u32(loss.rows)],
    tensors: [loss.rowLoss, loss.lossSum],
    workgroups: [1, 1, 1],
    cost: loss.rows,
  });
}
