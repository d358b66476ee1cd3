import { beforeEach, describe, expect, it, vi } from 'vitest';
import { GpuError } from '../../src/engine/gpu';
import { InputError } from '../../src/errors';
import type { LlamaGenerator } from '../../src/model/llama-generator';
import type { Checkpoint } from '../../src/train/checkpoint';
import { openAnswerer, type Answerer } from '../../src/worker/answerer';
import type { AnswerPiece, AskRequest, Progress } from '../../src/worker/api';
import { Asking } from '../../src/worker/asking';
import { DeviceError, GpuAccess } from '../../src/worker/gpu-access';
import type { ModelShelf } from '../../src/worker/models';
import type { RunAtWork } from '../../src/worker/run-at-work';
import type { StoredRun } from '../../src/worker/services';
import { wordTokenizer } from '../data/fake-tokenizer';
import { FakeGpu } from './fake-gpu';
import { memoryServices } from './run-bench';

// Loading a model is the GPU's affair; what is asked of it when is tried here.
vi.mock(import('../../src/worker/answerer'), async (original) => ({
  ...(await original()),
  openAnswerer: vi.fn(),
}));
const load = vi.mocked(openAnswerer);
beforeEach(() => {
  load.mockReset();
});

const RUN = { id: 'run', modelId: 'tiny', precision: 'auto', config: {} } as unknown as StoredRun;
const OTHER = { ...RUN, id: 'other' };
const QUESTION: AskRequest = {
  runId: 'run',
  question: 'Where is the hen?',
  maximumTokens: 9,
  temperature: 0,
  seed: 1,
};
type GenerateOptions = Parameters<LlamaGenerator['generate']>[0];

/** Two models that say different things. */
class FakeAnswerer {
  readonly asked: GenerateOptions[] = [];
  destroyed = false;
  /** What happens in the middle of an answer. */
  meanwhile: () => void = () => undefined;
  readonly tokenizer = { ...wordTokenizer(), chatTemplate: null };

  get answerer(): Answerer {
    const generate = (options: GenerateOptions) => this.#write(options);
    const generator = { generate } as unknown as LlamaGenerator;
    return {
      base: { generator, adapter: 0 },
      tuned: { generator, adapter: 1 },
      folder: { config: { eos_token_ids: [1] } } as unknown as Answerer['folder'],
      tokenizer: this.tokenizer,
      destroy: () => (this.destroyed = true),
    };
  }

  async *#write(options: GenerateOptions): ReturnType<LlamaGenerator['generate']> {
    this.asked.push(options);
    const text = options.adapter === 0 ? 'I do not know' : 'In the barn';
    for (const id of this.tokenizer.encode(text, { addSpecialTokens: false })) {
      yield await Promise.resolve(id);
      this.meanwhile();
      options.signal?.throwIfAborted();
    }
    return 'stop';
  }
}

async function bench() {
  const services = await memoryServices();
  const fake = new FakeGpu();
  const gpu = new GpuAccess(() => fake.instance);
  let working: { id: string; resting: { answerer: () => Answerer | null } | null } | null = null;
  const asking = new Asking({
    services,
    shelf: {
      open: () => Promise.resolve({ folder: {}, tokenizer: null }),
    } as unknown as ModelShelf,
    gpu,
    atWork: () => working as RunAtWork | null,
    checkpoint: () => Promise.resolve({} as Checkpoint),
    wait: () => new Promise((resolve) => setImmediate(resolve)),
  });
  const made: FakeAnswerer[] = [];
  load.mockImplementation((_, __, ___, ____, options) => {
    options.onProgress?.(1, 2);
    const answerer = new FakeAnswerer();
    made.push(answerer);
    return Promise.resolve(answerer.answerer);
  });
  const pieces: AnswerPiece[] = [];
  const progress: Progress[] = [];
  const listeners = {
    onPiece: (piece: AnswerPiece) => pieces.push(piece),
    onProgress: (told: Progress) => progress.push(told),
  };
  const controller = new AbortController();
  const ask = (run = RUN, request: Partial<AskRequest> = {}) =>
    asking.ask(run, { ...QUESTION, ...request }, listeners, controller.signal);
  const atWork = (run: typeof working) => (working = run);
  return { services, fake, gpu, asking, ask, atWork, made, pieces, progress, controller };
}

describe('a question to both models', () => {
  it('is answered by the base first, then by the tuned one, word for word', async () => {
    const { ask, pieces, progress, made } = await bench();
    expect(await ask()).toEqual({
      base: { text: 'I do not know', tokens: 4, finishReason: 'stop' },
      tuned: { text: 'In the barn', tokens: 3, finishReason: 'stop' },
    });
    expect(pieces.map(({ side, text }) => `${side}${text}`)).toEqual([
      ...['baseI', 'base do', 'base not', 'base know'],
      ...['tunedIn', 'tuned the', 'tuned barn'],
    ]);
    const [base, tuned] = made[0]?.asked ?? [];
    expect(base?.prompt).toEqual(tuned?.prompt);
    expect(base).toMatchObject({ maxTokens: 9, endTokens: [1], settings: { seed: 1 } });
    expect(progress).toEqual([{ activity: 'Loading the model', done: 1, total: 2, unit: 'bytes' }]);
  });

  it('that is empty or too long is refused before anything is written', async () => {
    const { ask, made } = await bench();
    await expect(ask(RUN, { question: ' \n' })).rejects.toThrow('the question is empty');
    await expect(ask(RUN, { question: 'hen '.repeat(700) })).rejects.toThrow(
      'shorten it to fewer than 640',
    );
    expect(made[0]?.asked).toEqual([]);
  });
});

describe('the models that are asked', () => {
  it('stay on the GPU for the next question, until the run has a newer checkpoint', async () => {
    const { ask, made, services } = await bench();
    await ask();
    await ask();
    expect(made).toHaveLength(1);
    await services.checkpoints.save({ runId: 'run', step: 5, evalLoss: null }, []);
    await ask();
    expect(made.map(({ destroyed }) => destroyed)).toEqual([true, false]);
  });

  it('give way to those of another run, and to a run that begins', async () => {
    const { ask, asking, made } = await bench();
    await ask();
    await ask(OTHER);
    expect(made.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    asking.forget();
    expect(made[1]?.destroyed).toBe(true);
    await ask(OTHER);
    expect(made).toHaveLength(3);
  });

  it('are loaded again after the GPU was lost, also when somebody else has it open again', async () => {
    const { ask, fake, gpu, made } = await bench();
    await ask();
    fake.lose();
    await ask();
    fake.lose();
    await new Promise((resolve) => setImmediate(resolve));
    // Two losses bar the page; that it may come back is not what is tried here.
    vi.spyOn(gpu, 'waitMilliseconds', 'get').mockReturnValue(0);
    await gpu.open();
    await ask();
    expect(made).toHaveLength(3);
  });

  it('are those of the run at work where it rests; while it trains nobody is asked', async () => {
    const { ask, atWork, made } = await bench();
    const held = new FakeAnswerer();
    atWork({ id: 'run', resting: { answerer: () => held.answerer } });
    await ask();
    expect(held.asked).toHaveLength(2);
    atWork({ id: 'run', resting: null });
    await expect(ask()).rejects.toThrow('the GPU is training; pause or stop the run, then ask');
    atWork({ id: 'other', resting: { answerer: () => held.answerer } });
    await expect(ask()).rejects.toThrow(InputError);
    expect(made).toHaveLength(0);
  });
});

describe('what goes wrong with a question', () => {
  it('is told as a loss where the GPU was lost in the middle, whatever the error says', async () => {
    const { ask, fake, made } = await bench();
    await ask();
    const [answerer] = made;
    if (answerer)
      answerer.meanwhile = () => {
        fake.lose();
        throw new DOMException('The device is lost.', 'AbortError');
      };
    const error: unknown = await ask().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toContain('The GPU was lost before the answer; ask again.');
  });

  it('is told with what to do where the GPU is too small', async () => {
    const { ask } = await bench();
    const message = 'Loading: the GPU is out of memory.';
    load.mockRejectedValue(new GpuError({ kind: 'out-of-memory', message }));
    const error: unknown = await ask().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeviceError);
    expect(String(error)).toContain('Take a smaller model');
  });

  it('is passed on where the GPU is well, and where somebody cancelled', async () => {
    const { ask, controller } = await bench();
    const fault = new Error('a fault of ours');
    load.mockRejectedValueOnce(fault);
    await expect(ask()).rejects.toBe(fault);
    const cancelled = new DOMException('It was cancelled.', 'AbortError');
    load.mockImplementationOnce(() => {
      controller.abort(cancelled);
      return Promise.reject(cancelled);
    });
    await expect(ask()).rejects.toBe(cancelled);
  });

  it('leaves the next question free to be answered', async () => {
    const { ask, made } = await bench();
    load.mockRejectedValueOnce(new Error('once'));
    await expect(ask()).rejects.toThrow('once');
    await ask();
    expect(made).toHaveLength(1);
  });
});
