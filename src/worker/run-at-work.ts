import type { Runtime } from '../engine/runtime';
import { GpuError } from '../engine/gpu';
import { InputError, messageOf } from '../errors';
import type { Checkpoint } from '../train/checkpoint';
import type { RunOutcome } from '../train/trainer';
import type { RunPhase } from './api';
import { DeviceError, type GpuAccess } from './gpu-access';
import type { LoadedModel } from './loaded-run';
import { RunJournal, type JournalParts } from './run-journal';
import type { HeldRun } from './run-listing';
import { RunSession, type SessionParts } from './run-session';
import type { StoredRun } from './services';

/** What a run works with. */
export interface RunSurroundings extends JournalParts, SessionParts {
  readonly gpu: GpuAccess;
}

/** A GPU that was lost so many times at one step will be lost there again. */
const HOPELESS_LOSSES = 4;

const STOPPED = new DOMException('The run was stopped.', 'AbortError');
const PUT_ASIDE = new DOMException('The run was paused before it could train.', 'AbortError');

/** The one run that this worker trains, from its preparation to its end, across losses of the GPU. */
export class RunAtWork implements HeldRun {
  readonly #journal: RunJournal;
  readonly #stopping = new AbortController();
  #session: RunSession | null = null;
  #wantsPause = false;
  /** Ends a wait for the person or for the browser. */
  #wake: () => void = () => undefined;
  #refused = false;
  /** Losses in a row that came no later than the one before. */
  #losses = { count: 0, atStep: -1 };
  /** Resolves when the run has left the GPU. */
  readonly done: Promise<void>;

  constructor(
    run: StoredRun,
    private readonly around: RunSurroundings,
  ) {
    this.#journal = new RunJournal(run, around);
    this.done = this.#live();
  }

  get record(): Readonly<StoredRun> {
    return this.#journal.run;
  }

  get id(): string {
    return this.record.id;
  }

  get phase(): RunPhase {
    return this.record.phase;
  }

  /** Updates done. */
  get step(): number {
    return this.record.step;
  }

  /** The model on the GPU, while the run is paused: it may be asked then. */
  get resting(): LoadedModel | null {
    return this.phase === 'paused' ? (this.#session?.model ?? null) : null;
  }

  get holdsAdapter(): boolean {
    return this.resting !== null && this.step > 0;
  }

  /** Where the run stands while it rests, stored or not. */
  async checkpoint(): Promise<Checkpoint | undefined> {
    return this.resting ? this.#session?.checkpoint() : undefined;
  }

  /** Within one micro-batch or token. What is not loaded yet is let go, and loaded again by `resume`. */
  async pause(): Promise<void> {
    if (!['preparing', 'training', 'recovering'].includes(this.phase)) return;
    this.#wantsPause = true;
    if (this.#session?.training) {
      // Where the GPU is lost meanwhile, the run is paused on its way back.
      if (!(await this.#session.pause())) return;
    } else {
      this.#session?.end(PUT_ASIDE);
      this.#wake();
    }
    await this.#journal.change({ phase: 'paused' });
  }

  async resume(): Promise<void> {
    if (this.phase !== 'paused') return;
    this.#wantsPause = false;
    const session = this.#session;
    const rests = session?.training === true;
    await this.#journal.change({ phase: rests ? 'training' : 'preparing' });
    if (rests) session.resume();
    else this.#wake();
  }

  /** Ends within one micro-batch or token, its adapter kept. */
  async stop(): Promise<void> {
    this.#stopping.abort(STOPPED);
    this.#session?.stop(STOPPED);
    this.#wake();
    await this.done;
  }

  async #live(): Promise<void> {
    try {
      let outcome: RunOutcome | null = null;
      while (!outcome) {
        await this.#mayBegin();
        const runtime = await this.#openGpu();
        if (runtime) outcome = await this.#sessionOn(runtime);
      }
      await this.#journal.flush();
      await this.#finish(outcome);
    } catch (error) {
      await this.#journal.flush();
      await this.#fail(error);
    }
  }

  /** Waits while the run is paused with nothing on the GPU, and while the browser would refuse it the GPU. */
  async #mayBegin(): Promise<void> {
    const { gpu, wait } = this.around;
    for (;;) {
      this.#stopping.signal.throwIfAborted();
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const milliseconds = gpu.waitMilliseconds;
      if (this.#wantsPause) {
        await woken;
      } else if (milliseconds > 0) {
        const activity = `The browser gives the GPU back in ${Math.ceil(milliseconds / 1000)} s`;
        this.#journal.doing({ activity, done: 0, total: null, unit: 'parts' });
        await Promise.race([wait(milliseconds), woken]);
      } else {
        return;
      }
    }
  }

  /** @returns null where the browser refuses the GPU that it lost: it may be bringing it up again */
  async #openGpu(): Promise<Runtime | null> {
    const { gpu } = this.around;
    try {
      const runtime = await gpu.open(this.#journal.run.precision);
      this.#refused = false;
      return runtime;
    } catch (error) {
      const isFirst = this.phase === 'recovering' && !this.#refused;
      if (!isFirst || !(error instanceof DeviceError)) throw error;
      this.#refused = true;
      gpu.bar();
      return null;
    }
  }

  /** @returns null where the run is to begin again from its last checkpoint */
  async #sessionOn(runtime: Runtime): Promise<RunOutcome | null> {
    const session = new RunSession(runtime, this.#journal, this.around);
    this.#session = session;
    if (this.#wantsPause) session.end(PUT_ASIDE);
    if (this.#stopping.signal.aborted) session.end(STOPPED);
    try {
      return await session.run();
    } catch (error) {
      if (session.endedBy === PUT_ASIDE) return null;
      if (this.#stopping.signal.aborted) throw error;
      if (!(error instanceof GpuError) || error.failure.kind !== 'device-lost') throw error;
      this.#session = null;
      await this.#recover(error);
      return null;
    } finally {
      this.#session = null;
    }
  }

  async #recover(error: GpuError): Promise<void> {
    const { step, phase } = this.#journal.run;
    const isFurther = step > this.#losses.atStep;
    this.#losses = { count: isFurther ? 1 : this.#losses.count + 1, atStep: step };
    if (this.#losses.count >= HOPELESS_LOSSES) {
      const message = `The GPU was lost ${this.#losses.count} times at step ${step}; take a smaller micro_batch_size or a shorter max_seq_length, or close what else uses the GPU, then press Resume.`;
      throw new GpuError({ ...error.failure, message });
    }
    // A run that rested, for whatever reason, goes on when it is asked to.
    this.#wantsPause ||= phase === 'paused';
    const seconds = Math.ceil(this.around.gpu.waitMilliseconds / 1000);
    const when = seconds > 0 ? `in ${seconds} s, when the browser allows it` : 'now';
    const how = this.#wantsPause ? 'when you press Resume' : when;
    await this.#journal.change({ phase: this.#wantsPause ? 'paused' : 'recovering' });
    await this.#journal.notice(
      'warning',
      `The GPU was lost; the run goes on from its last checkpoint ${how}.`,
    );
  }

  async #finish(outcome: RunOutcome): Promise<void> {
    switch (outcome.end) {
      case 'diverged':
        return this.#journal.change({ phase: 'failed', failure: outcome.reason });
      case 'stopped':
        return this.#journal.change({ phase: 'stopped' });
      case 'stopped-early':
        await this.#journal.notice(
          'information',
          'The evaluation loss stopped falling; the best is kept.',
        );
        return this.#journal.change({ phase: 'finished' });
      case 'finished':
        return this.#journal.change({ phase: 'finished' });
    }
  }

  /** The run ends with an error, or because it was stopped before it trained. */
  async #fail(error: unknown): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      return this.#journal.change({ phase: 'failed', failure: failureSentence(error) });
    }
    if (error !== STOPPED) {
      const message = `${failureSentence(error)} The run keeps its last checkpoint.`;
      await this.#journal.notice('warning', message);
    }
    await this.#journal.change({ phase: 'stopped' });
  }
}

/** What went wrong on the GPU or with a person's files, and what to do, as one or two sentences. */
export function failureSentence(error: unknown): string {
  if (error instanceof GpuError && error.failure.kind === 'out-of-memory') {
    return `${error.message} Take a smaller model, a shorter max_seq_length or a smaller micro_batch_size, and turn gradient checkpointing on.`;
  }
  const known = [InputError, GpuError, DeviceError].some((kind) => error instanceof kind);
  return known ? messageOf(error) : `The run could not go on: ${messageOf(error)}`;
}
