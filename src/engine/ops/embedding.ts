/** Token embeddings: rows of a table. */

import { linearWorkgroups, u32, type Plan } from '../plan';
import type { Tensor } from '../tensor';
import { weightConditions, type Weight } from '../weight';

const WORKGROUP_SIZE = 64;
const constants = { workgroup_size: WORKGROUP_SIZE };

/** out[t] = table[ids[t]]; overwrites `out` [tokens, hidden]. */
export function embed(
  plan: Plan,
  embedding: {
    readonly label: string;
    /** u32 [tokens], each below the table's rows. */
    readonly ids: Tensor;
    /** [vocabulary, hidden], of any format. */
    readonly table: Weight;
    readonly out: Tensor;
    readonly tokens: number;
    readonly hidden: number;
  },
): void {
  const { label, ids, table, out, tokens, hidden } = embedding;
  for (const part of table.parts) {
    plan.dispatch({
      label: `${label} forward`,
      kernel: { module: 'embed', constants, conditions: weightConditions(table.format) },
      params: [u32(tokens), u32(hidden), u32(part.firstRow), u32(part.rows)],
      tensors: [ids, out],
      weight: part.tensors,
      workgroups: linearWorkgroups(tokens),
      cost: tokens * hidden,
    });
  }
}

/**
 * dTable[ids[t]] += dOut[t] for every token. Tokens of one id are added in their order, by one workgroup, so that the sum is the same
 * every time.
 */
export function embedGradient(
  plan: Plan,
  gradient: {
    readonly label: string;
    /** u32 [tokens] */
    readonly ids: Tensor;
    /** [tokens, hidden] */
    readonly dOut: Tensor;
    /** [vocabulary, hidden], f32. */
    readonly dTable: Weight;
    readonly tokens: number;
    readonly hidden: number;
  },
): void {
  const { label, ids, dOut, dTable, tokens, hidden } = gradient;
  if (dTable.format !== 'f32') throw new Error(`${label}: a gradient is f32`);
  for (const part of dTable.parts) {
    plan.dispatch({
      label: `${label} gradient`,
      kernel: { module: 'embed_gradient', constants },
      params: [u32(tokens), u32(hidden), u32(part.firstRow), u32(part.rows)],
      tensors: [ids, dOut, ...part.tensors],
      workgroups: linearWorkgroups(tokens),
      // Every invocation of a token's workgroup looks at all tokens after it.
      cost: tokens * (hidden + (WORKGROUP_SIZE * tokens) / 2),
    });
  }
}
