import type { TokenizedDataset } from '../../data/dataset';
import { readLlamaConfig } from '../../formats/llama-folder';
import { defineCommand } from '../command';
import { config, data, model, out, precision } from '../common-options';
import { readConfigFile } from '../config-file';
import { openDataFiles } from '../data-files';
import { withDataset } from '../dataset';
import { openModelFolder } from '../model-input';
import { outputFile } from '../output';

/** Writes what training would see, before packing and in the order of the files. */
export const tokenizeCommand = defineCommand({
  name: 'tokenize',
  summary: 'writes the tokens and labels that training would see',
  options: {
    model,
    data,
    config,
    out: out('T.jsonl', 'the file to write: a line of input_ids, labels and source an example'),
    precision,
  },
  async work(values) {
    const output = await outputFile(values.out);
    const settings = await readConfigFile(values.config);
    const folder = await openModelFolder(values.model);
    const { vocab_size: vocabularySize } = await readLlamaConfig(folder);
    const files = await openDataFiles(values.data);
    return withDataset(files, folder, vocabularySize, settings, async (dataset) => {
      await output.write(jsonLines(dataset));
      return {
        out: values.out,
        examples: dataset.examples,
        tokens: dataset.tokens,
        trained_tokens: dataset.trainedTokens,
        truncated: dataset.truncated,
        dropped: dataset.dropped,
      };
    });
  },
});

async function* jsonLines(dataset: TokenizedDataset): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let index = 0; index < dataset.examples; index++) {
    const { inputIds, labels, source } = await dataset.read(index);
    const line = { input_ids: [...inputIds], labels: [...labels], source };
    yield encoder.encode(`${JSON.stringify(line)}\n`);
  }
}
