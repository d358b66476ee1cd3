import { makeZip } from 'client-zip';
import { chatTemplate } from '../data/chat-templates';
import type { Tokenizer } from '../data/tokenizer';
import { InputError } from '../errors';
import type { LlamaFolder } from '../formats/llama-folder';
import { peftAdapterFiles } from '../formats/peft-adapter';
import { trainedAdapter } from '../model/open-training';
import type { Checkpoint } from '../train/checkpoint';
import { modelCard } from '../train/model-card';
import { metricsCsv } from '../train/metrics-csv';
import { sha256 } from '../train/sha256';
import type { StoredDataset } from './services';

/** A file of the download. */
export interface DownloadFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ZipSource {
  readonly folder: LlamaFolder;
  readonly tokenizer: Tokenizer | null;
  readonly checkpoint: Checkpoint;
  /** The base model as PEFT is to find it. */
  readonly baseModel: string;
  readonly dataset: StoredDataset['summary'];
}

/** Everything that goes into the zip, the list of hashes last. */
export async function downloadFiles(source: ZipSource): Promise<DownloadFile[]> {
  const { checkpoint, baseModel, dataset, tokenizer } = source;
  const { config, metrics } = checkpoint;
  if (config.method === 'full') {
    throw new InputError(
      'full fine-tuning makes a whole model, which the page cannot write yet; train with qlora or lora',
    );
  }
  const parameters = checkpoint.parameters.map((parameter) => ({ ...parameter, decay: true }));
  const adapter = trainedAdapter(parameters, checkpoint.state, config, baseModel);
  const card = modelCard({
    baseModel,
    config,
    data: { ...dataset, files: dataset.files.map(({ name }) => name) },
    metrics,
  });
  const text = (name: string, content: string): DownloadFile => ({
    name,
    bytes: new TextEncoder().encode(content),
  });
  const files = [
    ...peftAdapterFiles(adapter),
    text('README.md', card),
    ...(tokenizer
      ? [text('chat_template.jinja', chatTemplate(config.chat_template, tokenizer))]
      : []),
    text('metrics.csv', metricsCsv(metrics)),
  ];
  const sums = await Promise.all(
    files.map(async ({ name, bytes }) => `${await sha256(bytes)}  ${name}\n`),
  );
  return [...files, text('SHA256SUMS', sums.join(''))];
}

/** The files as a zip, made as it is read. */
export function zipStream(files: readonly DownloadFile[]): ReadableStream<Uint8Array> {
  return makeZip(files.map(({ name, bytes }) => ({ name, input: bytes })));
}
