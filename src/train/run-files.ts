import type { ByteSource } from '../formats/byte-source';
import { encodeFloats } from '../formats/float-codec';
import { isJsonObject, readJson } from '../formats/json';
import type { LlamaConfig } from '../formats/llama-config';
import type { LlamaFolder } from '../formats/llama-folder';
import { peftAdapterFiles } from '../formats/peft-adapter';
import { writeSafetensors, type TensorToWrite } from '../formats/safetensors-writer';
import { trainedAdapter } from '../model/open-training';
import type { Checkpoint } from './checkpoint';
import { modelCard, type ModelCardFacts } from './model-card';

const MAXIMUM_CONFIG_BYTES = 2 ** 20;
const COPIED_PIECE_BYTES = 2 ** 22;

/** A file that a run leaves: its bytes, or what makes them piece by piece. */
export interface RunFile {
  readonly name: string;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
}

/**
 * What a checkpoint is worth to another program: an adapter as PEFT loads it, or in full fine-tuning a whole model, and its card. Each
 * file is made when its turn comes.
 * @param baseModel as PEFT is to find it
 */
export async function* runFiles(
  checkpoint: Checkpoint,
  llama: LlamaFolder,
  baseModel: string,
  data: ModelCardFacts['data'],
): AsyncGenerator<RunFile> {
  const { config, metrics, parameters, state } = checkpoint;
  if (config.method === 'full') {
    yield* modelFiles(checkpoint, llama);
  } else {
    const adapter = trainedAdapter(parameters, state, config, baseModel);
    for (const { name, bytes } of peftAdapterFiles(adapter)) yield { name, content: bytes };
  }
  const card = modelCard({ baseModel, config, data, metrics });
  yield { name: 'README.md', content: new TextEncoder().encode(card) };
}
/** A model's folder: its configuration and tokenizer as they were, its weights as trained, in the types that they had. */
async function* modelFiles(
  { parameters, state }: Checkpoint,
  llama: LlamaFolder,
): AsyncGenerator<RunFile> {
  const tensors = parameters.map(({ name, shape }, index): TensorToWrite => {
    const stored = llama.weight(name);
    const dtype = stored.kind === 'dense' ? stored.dtype : 'F32';
    const values = state.parameters[index] ?? new Float32Array();
    return { name, dtype, shape, bytes: () => once(() => encodeFloats(values, dtype)) };
  });
  yield { name: 'model.safetensors', content: writeSafetensors(tensors, { format: 'pt' }) };
  for (const name of llama.folder.files.filter(isCopied)) {
    const source = await llama.folder.open(name);
    if (source === undefined) continue;
    if (name === 'config.json') {
      yield { name, content: await denseConfig(source, llama.config) };
    } else {
      yield { name, content: piecesOf(source) };
    }
  }
}

/** `config.json` of a model whose weights are dense now, whatever they were, and whose head is tied where it truly was. */
async function denseConfig(source: ByteSource, config: LlamaConfig): Promise<Uint8Array> {
  const was = await readJson(source, MAXIMUM_CONFIG_BYTES);
  const keys = Object.entries(isJsonObject(was) ? was : {});
  const { tie_word_embeddings } = config;
  const dense = {
    ...Object.fromEntries(keys.filter(([key]) => key !== 'quantization_config')),
    tie_word_embeddings,
  };
  return new TextEncoder().encode(`${JSON.stringify(dense, null, 2)}\n`);
}

/** What of a model's folder goes with its weights: configurations and tokenizer, whose files have these names. */
function isCopied(name: string): boolean {
  return /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$|^chat_template\.jinja$|^tokenizer\.model$|^merges\.txt$/.test(
    name,
  );
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < source.size; offset += COPIED_PIECE_BYTES) {
    yield await source.read(offset, Math.min(COPIED_PIECE_BYTES, source.size - offset));
  }
}

/** A stream of one piece that is made when its turn comes. */
async function* once(make: () => Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(make());
}
