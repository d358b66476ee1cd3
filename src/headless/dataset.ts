import type { TrainingConfig } from '../config';
import { buildDataset, requireExamples, type BuildProgress } from '../data/build-dataset';
import type { TokenizedDataset } from '../data/dataset';
import { loadTokenizer } from '../data/tokenizer';
import type { ByteSource, FileFolder } from '../formats/byte-source';
import { openFileSink } from './file-sink';
import { counted, report, throttled } from './terminal';

const PROGRESS_SECONDS = 2;

/**
 * Tokenises files as training would see them, into a temporary file that is gone when `use` has ended. Warns of what was cut or dropped.
 *
 * @param folder the model's, for its tokenizer; one without a tokenizer can do with pre-tokenised data alone
 * @param vocabularySize of the model
 * @throws InputError at the first line that is wrong, and where nothing is left
 */
export async function withDataset<Result>(
  files: readonly ByteSource[],
  folder: FileFolder,
  vocabularySize: number,
  config: TrainingConfig,
  use: (dataset: TokenizedDataset) => Promise<Result>,
): Promise<Result> {
  const tokenizer = folder.files.includes('tokenizer.json') ? await loadTokenizer(folder) : null;
  const sink = await openFileSink();
  try {
    const onProgress = throttled(PROGRESS_SECONDS, (progress: BuildProgress) => {
      const { file, bytesDone, bytesTotal, examples } = progress;
      const percent = Math.floor((100 * bytesDone) / bytesTotal);
      report(`${file}: ${counted(examples, 'example')} so far, ${percent} % of the bytes`);
    });
    const dataset = await buildDataset(files, tokenizer, config, sink, {
      vocabularySize,
      onProgress,
    });
    requireExamples(dataset);
    warnOfLosses(dataset, config);
    return await use(dataset);
  } finally {
    await sink.close();
  }
}

function warnOfLosses({ truncated, dropped }: TokenizedDataset, config: TrainingConfig): void {
  if (truncated > 0) {
    report(
      `warning: ${counted(truncated, 'example')} cut at max_seq_length ${config.max_seq_length}`,
    );
  }
  if (dropped > 0) {
    report(`warning: ${counted(dropped, 'example')} dropped, with no token to train on`);
  }
}
