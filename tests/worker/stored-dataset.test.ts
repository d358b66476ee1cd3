import { describe, expect, it } from 'vitest';
import { LastDataset, newTokensFile } from '../../src/worker/stored-dataset';
import { memoryServices, storeDataset } from './run-bench';

/** A stored dataset, what opens it, and what tokenises it again as the dataset's worker does. */
async function bench() {
  const services = await memoryServices();
  const stored = await storeDataset(services, 'data');
  const folder = await services.datasetFiles.folder('data');
  return {
    services,
    folder,
    datasets: new LastDataset(services),
    tokenizeAgain: async (): Promise<string> => {
      const tokensFile = newTokensFile();
      const before = await folder.open(stored.tokensFile);
      const sink = await folder.append(tokensFile);
      if (before) await sink.append(await before.read(0, before.size));
      await sink.close();
      await services.datasets.put('data', { ...stored, tokensFile });
      return tokensFile;
    },
  };
}

describe('the dataset that was opened last', () => {
  it('stays open', async () => {
    const { datasets } = await bench();
    const first = await datasets.open('data');
    expect((await datasets.open('data')).dataset).toBe(first.dataset);
  });

  it('is opened anew when it was tokenised again, also where a run keeps the tokens before', async () => {
    const { datasets, folder, tokenizeAgain } = await bench();
    await datasets.open('data');
    const kept = await tokenizeAgain();
    expect((await datasets.open('data')).stored.tokensFile).toBe(kept);
    const newest = await tokenizeAgain();
    expect((await datasets.open('data')).stored.tokensFile).toBe(newest);
    await folder.remove(kept);
    expect((await datasets.open('data')).stored.tokensFile).toBe(newest);
  });

  it('is not there any more when it was removed', async () => {
    const { datasets, services } = await bench();
    await datasets.open('data');
    await services.datasets.delete('data');
    await services.datasetFiles.remove('data');
    await expect(datasets.open('data')).rejects.toThrow('not stored here any more');
  });
});
