import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withoutFolder } from '../../../src/app/state/dropped-files';
import type { Tunesmith } from '../../../src/app/state/tunesmith.svelte';
import type { Answers } from '../../../src/worker/api';
import { newTunesmith, openTunesmith, withKeptStorage } from './page-of-scene';

withKeptStorage();

describe('Tunesmith', () => {
  it('trains on no tokens of another model where making those of the chosen one is cancelled', async () => {
    const { tunesmith, dataset, trainer } = await openTunesmith();
    const train = vi.spyOn(trainer, 'train');
    const retokenize = vi
      .spyOn(dataset, 'retokenize')
      .mockRejectedValue(new DOMException('It was cancelled.', 'AbortError'));
    await tunesmith.change({ max_seq_length: 64 });
    expect(retokenize).toHaveBeenCalledTimes(1);
    expect(tunesmith.canTrain).toBe(true);
    await tunesmith.train();
    expect(retokenize).toHaveBeenCalledTimes(2);
    expect(train).not.toHaveBeenCalled();
    retokenize.mockRestore();
    await tunesmith.train();
    expect(train).toHaveBeenCalledTimes(1);
  });

  it('makes no other tokens while a suggestion reads those that are there', async () => {
    const { tunesmith, dataset, trainer } = await openTunesmith('empty');
    const suggestion = await trainer.suggest();
    let suggest: () => void = () => undefined;
    const suggested = vi.spyOn(trainer, 'suggest').mockImplementationOnce(
      () =>
        new Promise((resolve) => {
          suggest = () => {
            resolve(suggestion);
          };
        }),
    );
    const retokenize = vi.spyOn(dataset, 'retokenize');
    const taken = tunesmith.take(withoutFolder([new File(['A hen.'], 'hen.txt')]));
    await vi.waitFor(() => {
      expect(suggested).toHaveBeenCalledTimes(1);
    });
    const changed = tunesmith.change({ max_seq_length: 64 });
    await new Promise((resolve) => setTimeout(resolve));
    expect(retokenize).not.toHaveBeenCalled();
    suggest();
    await Promise.all([taken, changed]);
    expect(tunesmith.dataset.summary?.tokenization.max_seq_length).toBe(64);
    expect(tunesmith.plan.suggested.r).toBe(suggestion.config.r);
  });

  it('says nothing of a suggestion that fails because its data were forgotten', async () => {
    const { tunesmith, trainer } = await openTunesmith('empty');
    vi.spyOn(trainer, 'suggest').mockImplementationOnce(() => {
      void tunesmith.preparation.forget();
      return Promise.reject(new Error('the file cannot be read any more'));
    });
    await tunesmith.take(withoutFolder([new File(['A hen.'], 'hen.txt')]));
    expect(tunesmith.dataset.summary).toBeNull();
    vi.spyOn(trainer, 'suggest').mockRejectedValueOnce(new Error('a fault of its own'));
    const taken = tunesmith.take(withoutFolder([new File(['A hen.'], 'hen.txt')]));
    await expect(taken).rejects.toThrow('a fault of its own');
  });

  it('says nothing of a forecast that fails because other files took the place of its data', async () => {
    const { tunesmith, trainer } = await openTunesmith();
    let fail: (why: Error) => void = () => undefined;
    const forecast = vi
      .spyOn(trainer, 'forecast')
      .mockImplementationOnce(() => new Promise((_, reject) => (fail = reject)));
    const foreseen = tunesmith.change({ r: 4 });
    await vi.waitFor(() => expect(forecast).toHaveBeenCalledTimes(1));
    const taken = tunesmith.take(withoutFolder([new File(['A hen.'], 'hen.txt')]));
    fail(new Error('the dataset is not stored here any more'));
    await new Promise((resolve) => setTimeout(resolve));
    expect(tunesmith.dataset.importing).toBe(true);
    expect(tunesmith.plan.problem).toBeNull();
    await Promise.all([foreseen, taken]);
    expect(tunesmith.canTrain).toBe(true);
  });

  it('brings no data back that are forgotten while their tokens are made again', async () => {
    const { tunesmith, dataset } = await openTunesmith();
    const { summary } = tunesmith.dataset;
    if (!summary) throw new Error('the scene has no data');
    let made: () => void = () => undefined;
    const retokenize = vi
      .spyOn(dataset, 'retokenize')
      .mockImplementation(
        (_, tokenization) =>
          new Promise((resolve) => (made = () => resolve({ ...summary, tokenization }))),
      );
    // The worker is done before it hears of the cancel.
    const cancel = vi.spyOn(dataset, 'cancel').mockImplementation(() => {
      made();
      return Promise.resolve();
    });
    const changed = tunesmith.change({ max_seq_length: 64 });
    await vi.waitFor(() => expect(retokenize).toHaveBeenCalledTimes(1));
    const remove = vi.spyOn(dataset, 'remove');
    await Promise.all([changed, tunesmith.preparation.forget()]);
    expect(tunesmith.dataset.summary).toBeNull();
    // Tokens that are made after the data are deleted would be stored again.
    expect(cancel.mock.invocationCallOrder[0]).toBeLessThan(
      remove.mock.invocationCallOrder[0] ?? 0,
    );
  });

  it('takes over what suits files that were dropped before the page had found its last run', async () => {
    const { tunesmith, trainer } = newTunesmith('finished');
    const waiting: (() => void)[] = [];
    const later = async <T>(answer: Promise<T>): Promise<T> => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return answer;
    };
    const [probe, suggestion] = [trainer.probe(), trainer.suggest()];
    vi.spyOn(trainer, 'probe').mockImplementation(() => later(probe));
    const suggest = vi.spyOn(trainer, 'suggest').mockImplementation(() => later(suggestion));
    const opened = tunesmith.open();
    await vi.waitFor(() => expect(tunesmith.run.summary).not.toBeNull());
    const taken = tunesmith.take(withoutFolder([new File(['A hen.'], 'hen.txt')]));
    await vi.waitFor(() => expect(suggest).toHaveBeenCalledTimes(1));
    expect(waiting).toHaveLength(2);
    const answering = setInterval(() => waiting.shift()?.());
    await Promise.all([opened, taken]);
    clearInterval(answering);
    expect(tunesmith.plan.config.max_steps).toBe(60);
  });

  it('does not tokenise again what was cancelled when another model was chosen', async () => {
    const { tunesmith, dataset } = await openTunesmith();
    const retokenize = vi
      .spyOn(dataset, 'retokenize')
      .mockRejectedValue(new DOMException('It was cancelled.', 'AbortError'));
    tunesmith.plan.change({ max_seq_length: 64 });
    await tunesmith.chooseModel('starter');
    expect(retokenize).toHaveBeenCalledTimes(1);
  });

  it('reads dropped files to their end where a setting changes meanwhile, and tokenises them by that then', async () => {
    const { tunesmith, dataset } = await openTunesmith();
    const retokenize = vi.spyOn(dataset, 'retokenize');
    const taken = tunesmith.take(withoutFolder([new File(['The hen sat.'], 'hen.txt')]));
    await tunesmith.change({ max_seq_length: 64 });
    // A worker ends what it reads as soon as it is told to tokenise.
    expect(retokenize).not.toHaveBeenCalled();
    await taken;
    expect(tunesmith.dataset.summary).toMatchObject({
      files: [{ name: 'hen.txt' }],
      tokenization: { max_seq_length: 64 },
    });
  });

  it('takes Resume once, however often it is pressed before the run is at work', async () => {
    const { tunesmith, trainer } = await openTunesmith('interrupted');
    const resume = vi.spyOn(trainer, 'resume');
    await Promise.all([tunesmith.resume(), tunesmith.resume()]);
    expect(resume).toHaveBeenCalledTimes(1);
    expect(tunesmith.starting).toBe(false);
  });

  it('lists the run at work at the step that it shows', async () => {
    const { tunesmith } = await openTunesmith();
    await tunesmith.train();
    await vi.waitFor(() => expect(tunesmith.run.summary?.step).toBe(3));
    const { id, step, loss } = tunesmith.run.summary ?? {};
    expect(tunesmith.runs.all.find((run) => run.id === id)).toMatchObject({ step, loss });
  });

  it('makes the tokens of another model where the one that they are for is deleted', async () => {
    const { tunesmith, dataset, trainer } = await openTunesmith();
    const dropped = 'files:mine#1';
    const [starter] = await trainer.models();
    if (!starter) throw new Error('the scene has no models');
    const models = vi
      .spyOn(trainer, 'models')
      .mockResolvedValue([starter, { ...starter, id: dropped, origin: 'files' }]);
    await tunesmith.models.load();
    await tunesmith.chooseModel(dropped);
    expect(tunesmith.dataset.summary?.tokenization.modelId).toBe(dropped);
    models.mockRestore();
    const retokenize = vi.spyOn(dataset, 'retokenize');
    await tunesmith.removeModel();
    expect(retokenize).toHaveBeenCalledTimes(1);
    expect(tunesmith.dataset.summary?.tokenization.modelId).toBe('starter');
  });

  it('asks nothing more of a model that is being deleted, unless it stays', async () => {
    const { tunesmith, trainer } = await openTunesmith();
    const [starter] = await trainer.models();
    if (!starter) throw new Error('the scene has no models');
    const mine = { ...starter, id: 'files:mine#1', origin: 'files' } as const;
    vi.spyOn(trainer, 'models').mockResolvedValue([starter, mine]);
    await tunesmith.models.load();
    await tunesmith.chooseModel(mine.id);
    const forecast = vi.spyOn(trainer, 'forecast');
    const remove = vi.spyOn(trainer, 'removeModel').mockImplementationOnce(async () => {
      await tunesmith.change({ r: 4 });
    });
    await tunesmith.removeModel();
    expect(forecast.mock.calls.map(([modelId]) => modelId)).not.toContain(mine.id);
    await tunesmith.chooseModel(mine.id);
    remove.mockRejectedValueOnce(new Error('the run at work needs this model'));
    await expect(tunesmith.removeModel()).rejects.toThrow('needs this model');
    expect(tunesmith.models.chosenId).toBe(mine.id);
  });

  it('foresees nothing from tokens that Train makes again, as after an older run is opened', async () => {
    const { tunesmith, trainer } = await openTunesmith('finished');
    const run = await trainer.openRun('run-2');
    const config = { ...run.config, max_seq_length: 64 };
    vi.spyOn(trainer, 'openRun').mockResolvedValue({ ...run, config });
    const forecast = vi.spyOn(trainer, 'forecast');
    await tunesmith.openRun('run-2');
    expect(forecast).toHaveBeenLastCalledWith('starter', null, config);
    expect(tunesmith.canTrain).toBe(true);
    await tunesmith.change({ max_seq_length: 128 });
    expect(forecast).toHaveBeenLastCalledWith('starter', 'data-1', {
      ...config,
      max_seq_length: 128,
    });
  });

  it('tokenises by a changed setting also where nothing could be foreseen before', async () => {
    const { tunesmith, dataset, trainer } = await openTunesmith();
    vi.spyOn(trainer, 'forecast').mockRejectedValueOnce(new Error('nothing is left to train on'));
    await tunesmith.change({ eval_fraction: 0.99 });
    expect(tunesmith.canTrain).toBe(false);
    const retokenize = vi.spyOn(dataset, 'retokenize');
    await tunesmith.change({ max_seq_length: 64 });
    expect(retokenize).toHaveBeenCalledTimes(1);
    expect(tunesmith.canTrain).toBe(true);
  });

  it('lets the tokens be where a setting is changed and changed back before they were made again', async () => {
    const { tunesmith, dataset } = await openTunesmith();
    const cancel = vi.spyOn(dataset, 'cancel');
    let cancelled: (reason: Error) => void = () => undefined;
    const retokenize = vi
      .spyOn(dataset, 'retokenize')
      .mockImplementation(() => new Promise((_, reject) => (cancelled = reject)));
    const first = tunesmith.change({ train_on_prompt: true });
    await vi.waitFor(() => {
      expect(retokenize).toHaveBeenCalledTimes(1);
    });
    cancel.mockImplementation(() => {
      cancelled(new DOMException('It was cancelled.', 'AbortError'));
      return Promise.resolve();
    });
    await tunesmith.change({ train_on_prompt: false });
    await first;
    expect(cancel).toHaveBeenCalledTimes(1);
    expect(tunesmith.dataset.summary?.tokenization.train_on_prompt).toBe(false);
    expect(tunesmith.canTrain).toBe(true);
  });

  it('does not train while files are read that others were dropped after', async () => {
    const { tunesmith, dataset, trainer } = await openTunesmith();
    vi.spyOn(dataset, 'importFiles').mockRejectedValueOnce(
      new DOMException('It was cancelled.', 'AbortError'),
    );
    let suggested: () => void = () => undefined;
    const suggestion = await trainer.suggest();
    const suggest = vi
      .spyOn(trainer, 'suggest')
      .mockImplementation(() => new Promise((resolve) => (suggested = () => resolve(suggestion))));
    const files = withoutFolder([new File(['The hen sat.'], 'hen.txt')]);
    const first = tunesmith.take(files);
    const second = tunesmith.take(files);
    await first;
    await vi.waitFor(() => expect(suggest).toHaveBeenCalled());
    expect(tunesmith.canTrain).toBe(false);
    suggested();
    await second;
    expect(tunesmith.canTrain).toBe(true);
  });

  it.each([
    ['shown', (tunesmith: Tunesmith) => tunesmith.openRun('run-2')],
    ['deleted', (tunesmith: Tunesmith) => tunesmith.deleteRun('run-1')],
  ])('ends an answer where its run is no more %s, and shows nothing of it', async (_, leave) => {
    const { tunesmith, trainer } = await openTunesmith('finished');
    let write: (text: string) => void = () => undefined;
    let end: (answers: Answers) => void = () => undefined;
    vi.spyOn(trainer, 'ask').mockImplementation((_request, onPiece) => {
      write = (text) => onPiece({ side: 'base', text });
      return new Promise((resolve) => (end = resolve));
    });
    const cancel = vi.spyOn(trainer, 'cancel');
    const asked = tunesmith.ask();
    write('Once');
    expect(tunesmith.answers.base).toBe('Once');
    await leave(tunesmith);
    expect(cancel).toHaveBeenCalledWith('ask');
    write(' upon');
    const answer = { text: 'Once upon', tokens: 2, finishReason: 'stop' } as const;
    end({ base: answer, tuned: answer });
    await asked;
    expect(tunesmith.answers).toMatchObject({ asked: null, base: '', tuned: '', finished: null });
  });

  describe('where the trainer is asked to stop', () => {
    const never = () => new Promise<never>(() => undefined);

    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    it('waits as long as it takes while the worker answers other questions', async () => {
      const { tunesmith, trainer, restart } = await openTunesmith('training');
      vi.spyOn(trainer, 'stop').mockImplementation(never);
      void tunesmith.stop();
      await vi.advanceTimersByTimeAsync(60_000);
      expect(restart).not.toHaveBeenCalled();
    });

    it('starts a worker again that answers nothing, and comes back to its run', async () => {
      const { tunesmith, trainer, restart } = await openTunesmith('training');
      const listen = vi.spyOn(trainer, 'listen');
      vi.spyOn(trainer, 'stop').mockImplementation(never);
      const runs = vi.spyOn(trainer, 'runs').mockImplementation(never);
      restart.mockImplementation(() => {
        runs.mockRestore();
      });
      const stopped = tunesmith.stop();
      await vi.advanceTimersByTimeAsync(20_000);
      await stopped;
      expect(restart).toHaveBeenCalledTimes(1);
      expect(listen).toHaveBeenCalledTimes(1);
      expect(tunesmith.run.summary).not.toBeNull();
      expect(tunesmith.alerts.shown.at(-1)?.message).toContain('was started again');
    });
  });
});
