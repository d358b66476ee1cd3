/**
 * Turning dense weights into quantised ones on the GPU while they are loaded, piece by piece, and back. The codes and scales are those
 * of bitsandbytes (NF4) and ggml (Q8_0).
 */

import { linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';
import {
  NF4_BLOCK,
  NF4_NESTED_BLOCK,
  Q8_BLOCK,
  weightConditions,
  type Weight,
  type WeightPart,
} from '../weight';

const WORKGROUP_SIZE = 64;

/** Consecutive elements of a dense tensor, flattened row-major, as they were uploaded. */
export interface DensePiece {
  readonly label: string;
  /** f32, f16 or bf16; the 16-bit types packed two to a word. */
  readonly source: Tensor;
  /** How many elements; a whole number of blocks unless the piece is the tensor's last. */
  readonly elements: number;
  /** u32 [1], set to 1 when an element is infinite or not a number, else left as it is. */
  readonly notFinite: Tensor;
}

/**
 * NF4, first stage: codes and block scales of one piece. Needs `nf4Table` in the weight's `scales` (any offset). For `nf4_flat` it is
 * all there is to do, with the weight's own second tensor as `absmax`.
 */
export function quantizeNf4Codes(
  plan: Plan,
  piece: DensePiece & {
    weight: Weight;
    /** Where the piece begins in the flattened weight, a multiple of 64. */
    firstElement: number;
    /** f32 [ceil(rows · columns / 64)], the scales of all blocks; those of the piece are written. */
    absmax: Tensor;
  },
): void {
  const { label, source, elements, notFinite, weight, absmax } = piece;
  const [codes, , table] = onlyPart(weight).tensors;
  if (!codes || !table || piece.firstElement % NF4_BLOCK !== 0) {
    throw new Error(`${label}: ${weight.format} from element ${piece.firstElement}`);
  }
  plan.dispatch({
    label: `${label} nf4 codes`,
    kernel: { module: 'quantize/nf4_codes', conditions: sourceConditions(source) },
    params: [u32(elements), u32(piece.firstElement / NF4_BLOCK)],
    tensors: [source, notFinite, absmax, codes, table],
    workgroups: linearWorkgroups(Math.ceil(elements / (8 * WORKGROUP_SIZE))),
    cost: 16 * elements,
  });
}

/**
 * NF4, second stage, when all pieces are in: quantises the block scales. Needs `nf4Table(nf4Offset(absmax))` in the weight's `scales`;
 * the nested scales behind it are written.
 * @param scales.absmax f32 [blocks], as the first stage left it.
 */
export function quantizeNf4Scales(
  plan: Plan,
  { label, weight, absmax }: { label: string; weight: Weight; absmax: Tensor },
): void {
  const [, codes, table] = onlyPart(weight).tensors;
  if (!codes || !table || weight.format !== 'nf4') throw new Error(`${label}: ${weight.format}`);
  const blocks = Math.ceil((weight.rows * weight.columns) / NF4_BLOCK);
  plan.dispatch({
    label: `${label} nf4 scales`,
    kernel: {
      module: 'quantize/nf4_scales',
      constants: { workgroup_size: NF4_NESTED_BLOCK },
    },
    params: [u32(blocks)],
    tensors: [absmax, codes, table],
    workgroups: [Math.ceil(blocks / NF4_NESTED_BLOCK), 1, 1],
    cost: 32 * blocks,
  });
}

/** Q8_0 codes and scales of a piece that lies within one part of the weight. */
export function quantizeQ8(
  plan: Plan,
  piece: DensePiece & {
    part: WeightPart;
    /** Where the piece begins in the flattened part, a multiple of 64. */
    firstElement: number;
  },
): void {
  const { label, source, elements, notFinite, part, firstElement } = piece;
  if (firstElement % (2 * Q8_BLOCK) !== 0) throw new Error(`${label}: from ${firstElement}`);
  plan.dispatch({
    label: `${label} q8_0`,
    kernel: { module: 'quantize/q8_0', conditions: sourceConditions(source) },
    params: [u32(elements), u32(firstElement / Q8_BLOCK)],
    tensors: [source, notFinite, ...part.tensors],
    workgroups: linearWorkgroups(Math.ceil(elements / (4 * WORKGROUP_SIZE))),
    cost: 8 * elements,
  });
}

/** Looks for elements that are infinite or not a number in a piece that stays as it is. */
export function checkFinite(plan: Plan, piece: DensePiece): void {
  const { label, source, elements, notFinite } = piece;
  plan.dispatch({
    label: `${label} check`,
    kernel: { module: 'quantize/check', conditions: sourceConditions(source) },
    params: [u32(elements)],
    tensors: [source, notFinite],
    workgroups: linearWorkgroups(Math.ceil(elements / (8 * WORKGROUP_SIZE))),
    cost: elements,
  });
}

/** Overwrites `out` [elements] with the values of a part of a weight of any format, from `firstElement` of the flattened part on. */
export function dequantize(
  plan: Plan,
  values: {
    label: string;
    weight: Weight;
    part: WeightPart;
    firstElement: number;
    elements: number;
    out: Tensor;
  },
): void {
  const { label, weight, part, firstElement, elements, out } = values;
  plan.dispatch({
    label: `${label} dequantize`,
    kernel: { module: 'quantize/dequantize', conditions: weightConditions(weight.format) },
    params: [u32(elements), u32(firstElement)],
    tensors: [out],
    weight: part.tensors,
    workgroups: linearWorkgroups(Math.ceil(elements / WORKGROUP_SIZE)),
    cost: elements,
  });
}

function sourceConditions({ name, dtype }: Tensor): Record<string, boolean> {
  if (dtype !== 'f32' && dtype !== 'f16' && dtype !== 'bf16') throw new Error(`${name}: ${dtype}`);
  return {
    source_f32: dtype === 'f32',
    source_f16: dtype === 'f16',
    source_bf16: dtype === 'bf16',
  };
}

/** NF4 matrices are never split. */
function onlyPart(weight: Weight): WeightPart {
  const [part, ...others] = weight.parts;
  if (!part || others.length > 0)
    throw new Error(`${weight.name} has ${weight.parts.length} parts`);
  return part;
}
