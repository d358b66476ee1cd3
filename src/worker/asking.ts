import { GpuError, type Gpu } from '../engine/gpu';
import { InputError } from '../errors';
import type { Checkpoint } from '../train/checkpoint';
import { askBoth, openAnswerer, type Answerer } from './answerer';
import type { AnswerPiece, Answers, AskRequest, ProgressListener } from './api';
import { DeviceError, lossSoon, type GpuAccess, type Wait } from './gpu-access';
import type { ModelShelf } from './models';
import { failureSentence, type RunAtWork } from './run-at-work';
import type { Services, StoredRun } from './services';

export interface AskingParts {
  readonly services: Services;
  readonly shelf: ModelShelf;
  readonly gpu: GpuAccess;
  readonly atWork: () => RunAtWork | null;
  readonly checkpoint: (run: StoredRun) => Promise<Checkpoint>;
  readonly wait: Wait;
}

/** Questions to a run's base and tuned model, which stay on the GPU from one question to the next. */
export class Asking {
  #kept: { key: string; gpu: Gpu; answerer: Answerer } | null = null;

  constructor(private readonly parts: AskingParts) {}

  /** @throws InputError, AbortError; DeviceError where the GPU is missing, too small, or lost meanwhile */
  async ask(
    run: StoredRun,
    request: AskRequest,
    listeners: { onPiece: (piece: AnswerPiece) => void; onProgress: ProgressListener },
    signal: AbortSignal,
  ): Promise<Answers> {
    const { gpu } = this.parts;
    try {
      const answerer = await this.#open(run, listeners.onProgress, signal);
      const { chat_template: template } = run.config;
      return await askBoth(answerer, request, template, listeners.onPiece, signal);
    } catch (error) {
      if (error instanceof InputError || error instanceof DeviceError || signal.aborted)
        throw error;
      if (error instanceof GpuError) throw new DeviceError(failureSentence(error));
      // What a lost GPU breaks calls itself cancelled, which nobody did.
      const open = gpu.current;
      const lost = !open || (await lossSoon(open, this.parts.wait));
      throw lost ? new DeviceError('The GPU was lost before the answer; ask again.') : error;
    }
  }

  /** Frees the models. */
  forget(): void {
    this.#kept?.answerer.destroy();
    this.#kept = null;
  }

  async #open(
    run: StoredRun,
    onProgress: ProgressListener,
    signal: AbortSignal,
  ): Promise<Answerer> {
    const { services, shelf, gpu, atWork, checkpoint } = this.parts;
    const working = atWork();
    const resting = working?.id === run.id ? working.resting?.answerer() : null;
    if (resting) return resting;
    if (working) throw new InputError('the GPU is training; pause or stop the run, then ask');
    const [last] = await services.checkpoints.list(run.id);
    const key = `${run.id} ${last?.sequence ?? ''}`;
    if (this.#kept?.key === key && this.#kept.gpu === gpu.current) return this.#kept.answerer;
    this.forget();
    const { folder, tokenizer } = await shelf.open(run.modelId);
    const made = await checkpoint(run);
    const runtime = await gpu.open(run.precision);
    const answerer = await openAnswerer(runtime, folder, tokenizer, made, {
      signal,
      onProgress: (done, total) =>
        onProgress({ activity: 'Loading the model', done, total, unit: 'bytes' }),
    });
    this.#kept = { key, gpu: runtime.gpu, answerer };
    return answerer;
  }
}
