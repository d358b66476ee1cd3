import type { DatasetSummary, DatasetWorker, Tokenization, TokenPreview } from '../../worker/api';
import { sameTokenization } from '../../worker/tokenization';
import type { WorkerLink } from '../../worker/worker-link';
import { Operation } from './operation.svelte';
import { resolvesWithin } from './patience';
import { RowPages } from './row-pages';

/** A tokenizer that does not answer a cancel by then is ended with its worker. */
const PATIENCE_MILLISECONDS = 2000;

/** The data that were dropped, as the model's tokenizer sees them. */
export class Dataset {
  summary = $state.raw<DatasetSummary | null>(null);
  /** Index of the example whose tokens are shown. */
  selected = $state(0);
  preview = $state.raw<TokenPreview | null>(null);
  readonly operation: Operation;
  readonly #worker: DatasetWorker;
  /** Whether files are being read, whose data take the place of those that are shown. */
  readonly importing = $derived.by(() => this.#imports > 0);
  /** Counts what this tab has changed in what is stored. */
  changes = 0;
  /** Imports that have not ended: one, and those that it has cancelled. */
  #imports = $state(0);
  /** The rows of the table; others when the data are. */
  rows = $state.raw(new RowPages(() => Promise.resolve([])));

  constructor(private readonly link: WorkerLink<DatasetWorker>) {
    this.#worker = link.api;
    this.operation = new Operation(() => this.#cancel());
  }

  /** Comes back to the data that the page had last, unless the browser has deleted their tokens. */
  async restore(): Promise<void> {
    const summary = await this.#worker.current();
    if (!summary || this.summary || this.operation.running) return;
    try {
      await this.#show(summary);
    } catch (error) {
      this.#forget(summary);
      throw error;
    }
  }

  /**
   * Shows the data as another tab has left them, unless this one makes them others now.
   *
   * @returns whether they are shown
   */
  async followOtherTab(): Promise<boolean> {
    const isAtWork = () => this.operation.running;
    if (isAtWork()) return false;
    const stored = await this.#worker.current();
    if (isAtWork()) return false;
    if (stored) await this.#show(stored);
    else if (this.summary) this.#forget(this.summary);
    return true;
  }

  /** @returns whether they are shown now; false when it was cancelled */
  async importFiles(files: File[], tokenization: Tokenization): Promise<boolean> {
    this.#imports += 1;
    try {
      const summary = await this.operation.run('Reading', (onProgress) =>
        this.#worker.importFiles(files, tokenization, onProgress),
      );
      if (!summary) return false;
      this.changes += 1;
      await this.#show(summary);
      return true;
    } finally {
      this.#imports -= 1;
    }
  }

  /**
   * Tokenises the same files again where the tokenization differs. Not while files are being read, which a worker leaves for what it is told last.
   *
   * @returns whether the data, if there are any, are tokenised so; false when it was cancelled
   */
  async retokenize(tokenization: Tokenization): Promise<boolean> {
    const before = this.summary;
    if (!before || sameTokenization(before.tokenization, tokenization)) return true;
    const summary = await this.operation.run('Tokenising again', (onProgress) =>
      this.#worker.retokenize(before.id, tokenization, onProgress),
    );
    if (!summary) return false;
    this.changes += 1;
    if (this.summary === before) await this.#show(summary);
    return true;
  }

  /** Forgets the data; what reads them meanwhile finds none. */
  async remove(): Promise<void> {
    const { summary } = this;
    if (!summary) return;
    this.#forget(summary);
    // Tokens that are being made of them would bring them back.
    if (!this.importing) await this.operation.cancel();
    await this.#worker.remove(summary.id);
    this.changes += 1;
  }

  /** Shows the tokens of an example. */
  async select(index: number): Promise<void> {
    const { summary } = this;
    if (!summary || index < 0 || index >= summary.examples) return;
    this.selected = index;
    const isShown = () => this.selected === index && this.summary === summary;
    try {
      const preview = await this.#worker.tokens(summary.id, index);
      if (isShown()) this.preview = preview;
    } catch (error) {
      // Of data that give way to others, or to other tokens, there may be nothing left to read.
      if (isShown() && !this.operation.running) throw error;
    }
  }

  async #show(summary: DatasetSummary): Promise<void> {
    const kept = this.summary?.id === summary.id && this.selected < summary.examples;
    this.rows = new RowPages((first, count) => this.#worker.rows(summary.id, first, count));
    this.summary = summary;
    if (summary.examples === 0) this.preview = null;
    await this.select(kept ? this.selected : 0);
  }

  /** Shows these data no more, unless others have taken their place. */
  #forget(summary: DatasetSummary): void {
    if (this.summary !== summary) return;
    this.summary = null;
    this.preview = null;
  }

  async #cancel(): Promise<void> {
    const inTime = await resolvesWithin(PATIENCE_MILLISECONDS, this.#worker.cancel());
    if (!inTime) this.link.restart();
  }
}
