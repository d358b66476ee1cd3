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
  /** Imports that have not ended: one, and those that it has cancelled. */
  #imports = 0;
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

  /** @returns whether they are shown now; false when it was cancelled */
  async importFiles(files: File[], tokenization: Tokenization): Promise<boolean> {
    this.#imports += 1;
    try {
      const summary = await this.operation.run('Reading', (onProgress) =>
        this.#worker.importFiles(files, tokenization, onProgress),
      );
      if (summary) await this.#show(summary);
      return summary !== undefined;
    } finally {
      this.#imports -= 1;
    }
  }

  /**
   * Tokenises the same files again where the tokenization differs. Of several calls the last one counts. Files that are being read are left
   * alone: whoever took them asks for this again.
   *
   * @returns whether the data, if there are any, are tokenised so; false when it was cancelled, or other data are on their way
   */
  async retokenize(tokenization: Tokenization): Promise<boolean> {
    if (this.#imports > 0) return false;
    const before = this.summary;
    if (!before) return true;
    if (sameTokenization(before.tokenization, tokenization)) {
      await this.operation.cancel();
      return true;
    }
    const summary = await this.operation.run('Tokenising again', (onProgress) =>
      this.#worker.retokenize(before.id, tokenization, onProgress),
    );
    if (summary) await this.#show(summary);
    return summary !== undefined;
  }

  async remove(): Promise<void> {
    if (!this.summary) return;
    await this.#worker.remove(this.summary.id);
    this.summary = null;
    this.preview = null;
  }

  /** Shows the tokens of an example. */
  async select(index: number): Promise<void> {
    const { summary } = this;
    if (!summary || index < 0 || index >= summary.examples) return;
    this.selected = index;
    const preview = await this.#worker.tokens(summary.id, index);
    if (this.selected === index && this.summary === summary) this.preview = preview;
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
    if (this.summary === summary) this.summary = null;
  }

  async #cancel(): Promise<void> {
    const inTime = await resolvesWithin(PATIENCE_MILLISECONDS, this.#worker.cancel());
    if (!inTime) this.link.restart();
  }
}
