import { writeSafetensors, type TensorToWrite } from '../../formats/safetensors-writer';
import type { LlamaGenerator } from '../../model/llama-generator';
import { BASE, TUNED } from '../../model/open-generator';
import { defineCommand } from '../command';
import { adapter, headQuantization, model, out, precision, quantization } from '../common-options';
import { withGenerator } from '../loaded-model';
import { openAdapter, openModel } from '../model-input';
import { required, text } from '../options';
import { outputFile } from '../output';
import { withRuntime } from '../runtime';
import { readTokenLists } from '../token-file';

/** Writes what a model predicts after each token of given lists. */
export const logitsCommand = defineCommand({
  name: 'logits',
  summary: 'writes the logits of a model over given tokens',
  options: {
    model,
    adapter,
    quantization,
    headQuantization,
    tokens: required(
      { placeholder: 'T.json', help: 'a list of token ids, or a list of such lists' },
      text,
    ),
    out: out(
      'L.safetensors',
      'the file to write: logits.0, logits.1, ... [tokens, vocabulary] f32',
    ),
    precision,
  },
  async work(values) {
    const output = await outputFile(values.out);
    const folder = await openModel(values.model);
    const lists = await readTokenLists(values.tokens, folder.config.vocab_size);
    const lora =
      values.adapter === undefined ? undefined : await openAdapter(values.adapter, folder);
    const source = {
      folder,
      settings: {
        quantization: values.quantization ?? 'as-is',
        head_quantization: values.headQuantization ?? 'none',
      },
      adapter: lora,
      capacity: lists.reduce((most, { length }) => Math.max(most, length), 0),
      withLogits: true,
    };
    await withRuntime(values.precision, (runtime) =>
      withGenerator(runtime, source, (generator) => {
        const which = lora === undefined ? BASE : TUNED;
        const tensors = lists.map((tokens, index): TensorToWrite => ({
          name: `logits.${index}`,
          dtype: 'F32',
          shape: [tokens.length, folder.config.vocab_size],
          bytes: () => logitBytes(generator, which, tokens),
        }));
        return output.write(writeSafetensors(tensors));
      }),
    );
    return { out: values.out };
  },
});

async function* logitBytes(
  generator: LlamaGenerator,
  which: number,
  tokens: Uint32Array,
): AsyncGenerator<Uint8Array> {
  for await (const rows of generator.logits(which, [...tokens])) {
    yield new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
  }
}
