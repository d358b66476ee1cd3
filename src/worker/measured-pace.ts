import type { Pace } from '../engine/work';
import type { Runtime } from '../engine/runtime';
import { measureTrainingPace, type PacedTraining } from '../model/training-pace';
import { lossSoon, type GpuAccess, type Wait } from './gpu-access';

/** What the measurements need of their surroundings. */
export interface PaceParts {
  readonly gpu: GpuAccess;
  /** Whether nobody else is at work on the GPU, in this tab or another. */
  readonly isFree: () => Promise<boolean>;
  readonly wait: Wait;
  readonly measure?: typeof measureTrainingPace;
}

const PUT_ASIDE = new DOMException('The GPU is needed for something else.', 'AbortError');

/** How fast the GPU trains, measured once in this session for each kind of run; at most one measurement at a time. */
export class MeasuredPace {
  /** Null for what could not be measured, which is not tried again. */
  readonly #known = new Map<string, Pace | null>();
  #running: { key: string; pace: Promise<Pace | null>; controller: AbortController } | null = null;

  constructor(private readonly parts: PaceParts) {}

  /**
   * The pace of a kind of run; null where it cannot be measured, or not now. A measurement of another kind that is under way is put aside.
   *
   * @param kind what runs of the same pace have in common
   */
  async of(kind: string, training: PacedTraining): Promise<Pace | null> {
    const known = this.#known.get(kind);
    if (known !== undefined) return known;
    if (this.#running?.key === kind) return this.#running.pace;
    this.putAside();
    const controller = new AbortController();
    const pace = this.#measure(kind, training, controller.signal);
    const running = { key: kind, pace, controller };
    this.#running = running;
    try {
      return await pace;
    } finally {
      if (this.#running === running) this.#running = null;
    }
  }

  /** Gives the GPU free, but for at most the submission that it works on; whoever waits for the measurement gets null. */
  putAside(): void {
    this.#running?.controller.abort(PUT_ASIDE);
    this.#running = null;
  }

  /** Never rejects: that a run's time is not known beforehand is no reason for alarm. */
  async #measure(kind: string, training: PacedTraining, signal: AbortSignal): Promise<Pace | null> {
    const { gpu, isFree, wait, measure = measureTrainingPace } = this.parts;
    let runtime: Runtime;
    try {
      if (gpu.waitMilliseconds > 0 || !(await isFree())) return null;
      runtime = await gpu.open();
      signal.throwIfAborted();
    } catch {
      return null;
    }
    let pace: Pace | null = null;
    try {
      pace = await measure(runtime, training, signal);
    } catch {
      if (signal.aborted) return null;
      // Until the loss is told, an answer or a run that begins now would be given the lost GPU.
      await lossSoon(runtime.gpu, wait);
    }
    this.#known.set(kind, pace);
    return pace;
  }
}
