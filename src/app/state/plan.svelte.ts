import {
  configKeys,
  DEFAULT_CONFIG,
  parseTrainingConfig,
  sameSetting,
  type TrainingConfig,
} from '../../config';
import { messageOf } from '../../errors';
import type {
  Forecast,
  RunDetail,
  Suggestion,
  Tokenization,
  TrainerWorker,
} from '../../worker/api';
import { inPageWords } from '../text/settings';

/** How the next run will train, and what it will take. */
export class Plan {
  config = $state.raw<TrainingConfig>({ ...DEFAULT_CONFIG });
  /** The settings as they stand in their fields: those that cannot be trained with too, until they are mended. */
  readonly stated = $derived.by(() => ({ ...this.config, ...this.#refused }));
  /** What was chosen from the data's size. */
  suggestion = $state.raw<TrainingConfig>({ ...DEFAULT_CONFIG });
  /** The same for the method that is set: what each setting returns to. */
  readonly suggested = $derived.by(() => forMethod(this.suggestion, this.config.method));
  prompts = $state.raw<string[]>([]);
  readonly writtenPrompts = $derived(this.prompts.filter((prompt) => prompt.trim() !== ''));
  sampleEverySteps = $state(0);
  forecast = $state.raw<Forecast | null>(null);
  /** About how long the run would take; null while or where that is not known. */
  seconds = $state<number | null>(null);
  /** Whether that is being found out. */
  timing = $state(false);
  /** Why the settings cannot be trained with; null when they can. */
  readonly problem = $derived.by(() => this.#contradiction ?? this.#obstacle);
  /** Settings that the person changed, which a new suggestion leaves alone. */
  readonly changed = $derived(
    configKeys().filter((key) => !sameSetting(this.config[key], this.suggested[key])),
  );
  /** Changes that wait until one of them is mended. */
  #refused = $state.raw<Partial<TrainingConfig>>({});
  /** Why they wait. */
  #contradiction = $state<string | null>(null);
  /** Why nothing could be predicted. */
  #obstacle = $state<string | null>(null);
  /** Whether the suggestion comes from data. */
  #informed = false;
  #suggestedSampling: Pick<Suggestion, 'prompts' | 'sampleEverySteps'> = {
    prompts: [],
    sampleEverySteps: 0,
  };
  #turn = 0;
  #timingTurn = 0;
  #timedKind = '';

  constructor(private readonly trainer: TrainerWorker) {}

  /** How the data become tokens under these settings. */
  tokenization(modelId: string): Tokenization {
    const { chat_template, max_seq_length, train_on_prompt } = this.config;
    return { modelId, chat_template, max_seq_length, train_on_prompt };
  }

  /**
   * Changes settings; with the method, the kind of base weights follows, and a learning rate that nobody has set. What cannot be trained with
   * waits, with all that is changed meanwhile, until it is mended.
   */
  change(values: Partial<TrainingConfig>): void {
    const changes = { ...this.#refused, ...values };
    const stated: Partial<TrainingConfig> = { ...this.config, ...changes };
    if ('method' in changes && !('quantization' in changes)) delete stated.quantization;
    const { method } = changes;
    const hasOwnRate = 'learning_rate' in changes || this.changed.includes('learning_rate');
    if (method !== undefined && !hasOwnRate) {
      stated.learning_rate = forMethod(this.suggestion, method).learning_rate;
    }
    try {
      this.config = parseTrainingConfig(stated);
      this.#refused = {};
      this.#contradiction = null;
    } catch (error) {
      this.#refused = changes;
      this.#contradiction = inPageWords(messageOf(error));
    }
  }

  /** Takes over settings, prompts and sampling that suit the data; what the person changed stays. */
  fit(suggestion: Suggestion): void {
    const own = Object.fromEntries(this.changed.map((key) => [key, this.config[key]]));
    const method = this.changed.includes('method') ? this.config.method : suggestion.config.method;
    this.config = { ...forMethod(suggestion.config, method), ...own };
    if (sameLines(this.prompts, this.#suggestedSampling.prompts)) this.prompts = suggestion.prompts;
    this.compare(suggestion);
  }

  /** Takes what suits the data to be shown beside settings and prompts, which stay as they are. */
  compare({ config, prompts, sampleEverySteps }: Suggestion): void {
    if (this.sampleEverySteps === this.#suggestedSampling.sampleEverySteps) {
      this.sampleEverySteps = sampleEverySteps;
    }
    this.suggestion = config;
    this.#suggestedSampling = { prompts, sampleEverySteps };
    this.#informed = true;
  }

  /** Takes over what a run was started with, so that the next one begins from there. */
  adopt({ config, prompts }: Pick<RunDetail, 'config' | 'prompts'>): void {
    if (!this.#informed) {
      this.suggestion = config;
      this.#suggestedSampling = { ...this.#suggestedSampling, prompts };
    }
    this.config = config;
    this.prompts = prompts;
    this.#refused = {};
    this.#contradiction = null;
  }

  /** What is being predicted is of settings or data that are no more. */
  outdate(): void {
    this.#turn += 1;
  }

  /** Predicts memory and steps again; of several calls the last one counts. */
  async foresee(modelId: string, datasetId: string | null): Promise<void> {
    const turn = (this.#turn += 1);
    try {
      const forecast = await this.trainer.forecast(modelId, datasetId, this.config);
      if (turn !== this.#turn) return;
      this.forecast = forecast;
      this.#obstacle = null;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.forecast = null;
      this.#obstacle = inPageWords(messageOf(error));
    }
  }

  /**
   * Finds out how long the run would take; of several calls the last one counts. What was known of another model or method
   * is not shown meanwhile.
   */
  async time(modelId: string, datasetId: string): Promise<void> {
    const turn = (this.#timingTurn += 1);
    const kind = `${modelId} ${this.config.method}`;
    if (kind !== this.#timedKind) this.seconds = null;
    this.#timedKind = kind;
    this.timing = true;
    const sampling = { prompts: this.writtenPrompts.length, everySteps: this.sampleEverySteps };
    // Where the settings do not serve, the forecast says so.
    const seconds = await this.trainer
      .duration(modelId, datasetId, this.config, sampling)
      .catch(() => null);
    if (turn !== this.#timingTurn) return;
    this.seconds = seconds;
    this.timing = false;
  }
}

const sameLines = (some: readonly string[], others: readonly string[]) =>
  some.join('\n') === others.join('\n');

/** A suggestion with the learning rate that fits a method: all weights take steps of a tenth of an adapter's, which begins from nothing. */
function forMethod(suggestion: TrainingConfig, method: TrainingConfig['method']): TrainingConfig {
  if ((method === 'full') === (suggestion.method === 'full')) return suggestion;
  const { learning_rate: rate } = suggestion;
  return { ...suggestion, learning_rate: method === 'full' ? rate / 10 : rate * 10 };
}
