/** Models that are timed: known shapes, filled with random weights. */

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLlamaConfig, type LlamaFolder } from '../src/formats/llama-folder';
import { openModel } from '../src/headless/model-input';
import { openNodeFolder } from '../src/headless/node-files';
import { choice, integerBetween, optional } from '../src/headless/options';
import { holdTemporary, removeTemporary } from '../src/headless/temporary';
import { SHAPES, writeRandomLlama } from '../tools/random-llama/model.mjs';

type Shape = Parameters<typeof writeRandomLlama>[1];

/** `starter` is the shape of the model that comes with the page. */
const MODEL_NAMES = ['starter', 'smollm2-135m', 'llama-3.2-1b'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** Which model a command takes. */
export const MODEL_OPTIONS = {
  shape: optional(
    { placeholder: MODEL_NAMES.join('|'), help: 'whose shape the random weights have' },
    choice(MODEL_NAMES),
  ),
  layers: optional(
    { placeholder: 'N', help: 'all that the shape has unless said' },
    integerBetween(1, 1000),
  ),
};

/**
 * Writes a model and opens it for the length of some work.
 * @param layers all that its shape has unless said
 */
export async function withModel<Result>(
  name: ModelName,
  layers: number | undefined,
  work: (folder: LlamaFolder) => Promise<Result>,
): Promise<Result> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`));
  holdTemporary(path);
  try {
    const shape = name === 'starter' ? await starterShape() : SHAPES[name];
    await writeRandomLlama(path, { ...shape, layers: layers ?? shape.layers });
    return await work(await openModel(path));
  } finally {
    await removeTemporary(path);
  }
}

async function starterShape(): Promise<Shape> {
  const folder = await openNodeFolder(join(process.cwd(), 'public', 'starter'));
  const config = await readLlamaConfig(folder);
  return {
    'vocab-size': config.vocab_size,
    'hidden-size': config.hidden_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    'key-value-heads': config.num_key_value_heads,
    'head-dim': config.head_dim,
    'intermediate-size': config.intermediate_size,
  };
}
