import { parseTrainingConfig, type TrainingConfig } from '../config';
import { describeFolder } from '../model/llama-weights';
import type { Forecast, ModelSummary, Suggestion } from './api';
import { describeConfig, forecast } from './forecast';
import type { GpuAccess } from './gpu-access';
import { countParameters, type ModelShelf } from './models';
import type { Services } from './services';
import { STARTER } from './starter-model';
import { openStoredDataset } from './stored-dataset';
import { suggest } from './suggest';

/** What a person is told before a run: which models fit, which settings suit, what a run takes. `api.ts` says what each method promises. */
export class Advisor {
  constructor(
    private readonly services: Services,
    private readonly shelf: ModelShelf,
    private readonly gpu: GpuAccess,
  ) {}

  async models(): Promise<ModelSummary[]> {
    const described = await this.shelf.list();
    const probe = await this.gpu.probe();
    const budget = 'memoryBudgetBytes' in probe ? probe.memoryBudgetBytes : null;
    const software = 'software' in probe && probe.software;
    const summaries = await Promise.all(
      described.map(async (model) => ({
        ...model,
        fits: budget === null ? null : await this.#fits(model.id, budget),
        proposed: false,
      })),
    );
    // On a software GPU anything but the starter would take days.
    const candidates = software ? summaries.filter(({ id }) => id === STARTER) : summaries;
    const fitting = candidates.filter(({ fits }) => fits !== false);
    const most = Math.max(...fitting.map(({ parameters }) => parameters));
    const best = fitting.find(({ parameters }) => parameters === most);
    return summaries.map((model) => ({ ...model, proposed: model === best }));
  }

  /** A model as `models` has it, or one that is not among them. */
  async summary(model: Omit<ModelSummary, 'fits' | 'proposed'>): Promise<ModelSummary> {
    const known = (await this.models()).find(({ id }) => id === model.id);
    return known ?? { ...model, fits: null, proposed: false };
  }

  async suggest(modelId: string, datasetId: string): Promise<Suggestion> {
    const { stored, dataset } = await openStoredDataset(this.services, datasetId);
    const parameters = countParameters(await this.shelf.config(modelId));
    // The model may still have to be downloaded; the tokens are those of the one that they were made with.
    const tokenizer = await this.shelf.tokenizer(stored.summary.tokenization.modelId);
    return suggest(parameters, dataset, tokenizer);
  }

  async forecast(
    modelId: string,
    datasetId: string | null,
    config: TrainingConfig,
  ): Promise<Forecast> {
    const checked = parseTrainingConfig(config);
    const probe = await this.gpu.probe();
    const budget = 'memoryBudgetBytes' in probe ? probe.memoryBudgetBytes : 0;
    const dataset = datasetId ? (await openStoredDataset(this.services, datasetId)).dataset : null;
    const description = await this.#describe(modelId);
    const result = forecast(description, checked, dataset, budget);
    return { ...result, seconds: await this.#seconds(modelId, checked, result.steps) };
  }

  async #describe(modelId: string) {
    const installed = (await this.shelf.list()).find(({ id }) => id === modelId);
    if (installed?.state === 'installed')
      return describeFolder((await this.shelf.open(modelId)).folder);
    const prequantised = modelId.endsWith('bnb-4bit');
    return describeConfig(await this.shelf.config(modelId), prequantised);
  }

  async #fits(modelId: string, budget: number): Promise<boolean> {
    const description = describeConfig(await this.shelf.config(modelId), false);
    return forecast(description, parseTrainingConfig({}), null, budget).verdict === 'fits';
  }

  /** From the speed of the newest run of this model with steps to tell from. */
  async #seconds(
    modelId: string,
    config: TrainingConfig,
    steps: number | null,
  ): Promise<number | null> {
    if (steps === null) return null;
    const runs = await this.services.runs.list();
    const similar = runs.find(
      (run) => run.modelId === modelId && run.step >= 3 && run.config.method === config.method,
    );
    if (!similar) return null;
    const metrics = await this.services.runs.metrics(similar.id);
    const last = metrics.at(-1);
    if (!last || last.seconds <= 0) return null;
    const tokensOf = (settings: TrainingConfig): number =>
      settings.micro_batch_size * settings.gradient_accumulation_steps * settings.max_seq_length;
    const secondsPerStep = last.seconds / last.step;
    return (steps * secondsPerStep * tokensOf(config)) / tokensOf(similar.config);
  }
}
