import type { Suggestion, Tokenization, TrainerWorker } from '../../worker/api';
import { sameTokenization } from '../../worker/tokenization';
import type { CurrentRun } from './current-run.svelte';
import type { Dataset } from './dataset.svelte';
import type { Machine } from './machine.svelte';
import type { Models } from './models.svelte';
import type { Plan } from './plan.svelte';

/** What is chosen, and what is made of it. */
interface Parts {
  readonly machine: Machine;
  readonly models: Models;
  readonly dataset: Dataset;
  readonly plan: Plan;
  readonly run: CurrentRun;
}

/**
 * Keeps what the next run is made of in step with what the person chose: tokens as model and settings want them, then settings that suit those
 * tokens, then what such a run takes. In rounds, one at a time, since each part reads what the one before has made; a change meanwhile brings
 * another round. Only files are read beside them: their tokens take the place of what the rounds know.
 */
export class Preparation {
  /** Whether files were dropped and the settings that fit them are not there yet. */
  readonly taking = $derived.by(() => this.#takes > 0);
  /** Drops whose data are being read, or cancelled by a later one. */
  #takes = $state(0);
  #wantsTokens = false;
  #wantsSuggestion: 'taken over' | 'shown beside' | null = null;
  /** Counts changes: what a round finds out is of those before it. */
  #change = 0;
  #rounds: Promise<void> | null = null;
  /** How tokens are being made. */
  #making: Tokenization | null = null;

  /** How many of the changes of the data the other tabs were told. */
  #told = 0;

  /** @param tellOthers told when this tab has other data or other tokens, and will not change them again at once */
  constructor(
    private readonly trainer: TrainerWorker,
    private readonly parts: Parts,
    private readonly tellOthers: () => void,
  ) {}

  /** Reads files, whose data take the place of those that are there, and finds settings that suit them. */
  async take(files: File[]): Promise<void> {
    this.#takes += 1;
    try {
      const read = this.parts.dataset.importFiles(files, this.#tokenization());
      this.#outdate();
      if (await read) this.#wantsSuggestion = 'taken over';
    } finally {
      // Settings that were changed meanwhile waited for this, whatever became of the files.
      await this.followSettings().finally(() => (this.#takes -= 1));
    }
  }

  /** Forgets the data. */
  async forget(): Promise<void> {
    const removed = this.parts.dataset.remove();
    this.#outdate();
    try {
      await removed;
    } finally {
      await this.foresee();
    }
  }

  /** Shows the data as another tab has left them. Where this one wants other tokens, making them is left to Train: two tabs would not come to an end. */
  async followOtherTab(): Promise<void> {
    if (await this.parts.dataset.followOtherTab()) await this.suggest('shown beside');
  }

  /** Makes the tokens that the chosen model wants, and finds settings that suit it. What the person set stays. */
  async followModel(): Promise<void> {
    this.#wantsSuggestion = 'taken over';
    await this.followSettings();
  }

  /** Makes the tokens that the settings want. */
  async followSettings(): Promise<void> {
    this.#wantsTokens = true;
    await this.foresee();
  }

  /** Finds settings that suit the tokens that are there: to take over, or to be shown beside what an earlier run was started with. */
  async suggest(suggestion: 'taken over' | 'shown beside'): Promise<void> {
    // Files that were dropped meanwhile want more.
    this.#wantsSuggestion ??= suggestion;
    await this.foresee();
  }

  /**
   * Makes the tokens of a run that is to be started.
   *
   * @returns id of its data; null where there are none, or making them was cancelled
   */
  async makeTokens(): Promise<string | null> {
    await this.followSettings();
    return this.#datasetToTrainOn();
  }

  /**
   * Finds out what the next run takes. Where an earlier run that is opened wants other tokens, making them is left to Train.
   *
   * @throws what kept tokens from being made or settings from being found
   */
  async foresee(): Promise<void> {
    const { dataset } = this.parts;
    this.#outdate();
    const isOther = this.#making && !sameTokenization(this.#making, this.#tokenization());
    if (isOther && !dataset.importing) await dataset.operation.cancel();
    this.#rounds ??= this.#goRound().finally(() => (this.#rounds = null));
    await this.#rounds;
  }

  /** Finds out how long the next run would take, which nothing waits for. */
  time(): void {
    const { machine, models, plan, run } = this.parts;
    const datasetId = this.#datasetToTrainOn();
    if (datasetId === null || !machine.ready || run.atWork) return;
    if (plan.problem !== null || plan.forecast?.verdict !== 'fits') return;
    void plan.time(models.chosenId, datasetId);
  }

  async #goRound(): Promise<void> {
    const { dataset, models, plan } = this.parts;
    let change: number;
    let failure: { error: unknown } | null;
    do {
      change = this.#change;
      // What failed before a change did so on data or settings that are no more.
      failure = null;
      try {
        await this.#makeWantedTokens(change);
        await this.#findWantedSuggestion(change);
        // What suits may be other tokens.
        await this.#makeWantedTokens(change);
      } catch (error) {
        failure = { error };
      }
      await plan.foresee(models.chosenId, this.#datasetToTrainOn());
    } while (change !== this.#change);
    this.time();
    if (dataset.changes > this.#told) this.tellOthers();
    this.#told = dataset.changes;
    if (failure) throw failure.error;
  }

  async #makeWantedTokens(change: number): Promise<void> {
    if (!this.#wantsTokens || this.#isPast(change)) return;
    this.#making = this.#tokenization();
    let made = false;
    try {
      made = await this.parts.dataset.retokenize(this.#making);
    } finally {
      this.#making = null;
      if (!this.#isPast(change)) {
        this.#wantsTokens = false;
        // Who cancels it wants no more of it: Train makes them where it has to.
        if (!made) this.#wantsSuggestion = null;
      }
    }
  }

  async #findWantedSuggestion(change: number): Promise<void> {
    const wants = this.#wantsSuggestion;
    if (wants === null || this.#isPast(change)) return;
    try {
      const suggestion = await this.#findSuggestion();
      if (!suggestion || this.#isPast(change)) return;
      if (wants === 'shown beside') {
        this.parts.plan.compare(suggestion);
      } else {
        this.parts.plan.fit(suggestion);
        this.#wantsTokens = true;
      }
    } finally {
      if (!this.#isPast(change)) this.#wantsSuggestion = null;
    }
  }

  async #findSuggestion(): Promise<Suggestion | null> {
    const { dataset, models } = this.parts;
    const { summary } = dataset;
    if (!summary || summary.examples === 0) return null;
    return this.trainer.suggest(models.chosenId, summary.id);
  }

  /** Whether a round is of what is no more: something was changed, or files are being read, whose taker asks for all again. */
  #isPast(change: number): boolean {
    return change !== this.#change || this.parts.dataset.importing;
  }

  #outdate(): void {
    this.#change += 1;
    this.parts.plan.outdate();
  }

  /** Id of the data; null where they say nothing of a run, since there are none, others are being read, or Train makes their tokens first. */
  #datasetToTrainOn(): string | null {
    const { summary, importing } = this.parts.dataset;
    if (!summary || summary.examples === 0 || importing) return null;
    return sameTokenization(summary.tokenization, this.#tokenization()) ? summary.id : null;
  }

  #tokenization(): Tokenization {
    const { models, plan } = this.parts;
    return plan.tokenization(models.tokenizerId);
  }
}
