import { parseTrainingConfig, type TrainingConfig } from '../config';
import { describeFolder, type ModelDescription } from '../model/llama-weights';
import type { Forecast, GpuProbe, ModelSummary, Sampling, Suggestion } from './api';
import { secondsOfRun, type EarlierRun } from './duration';
import { describeConfig, forecast, type Machine } from './forecast';
import type { GpuAccess } from './gpu-access';
import type { MeasuredPace } from './measured-pace';
import { countParameters, type ModelShelf } from './models';
import { countsBetween, countsOfRun, runWork, workOfCounts } from './run-work';
import type { Services } from './services';
import { STARTER } from './starter-model';
import { datasetOfRun, LastDataset, openStoredDataset } from './stored-dataset';
import { suggest } from './suggest';

/** A run of fewer steps says little of the next. */
const FEWEST_STEPS = 3;
/** Where there is no GPU, nothing fits. */
const NO_MACHINE: Machine = { budgetBytes: 0, maxBindingBytes: 0, f16: false };

/** What a person is told before a run: which models fit, which settings suit, what a run takes. `api.ts` says what each method promises. */
export class Advisor {
  readonly #datasets: LastDataset;

  constructor(
    private readonly services: Services,
    private readonly shelf: ModelShelf,
    private readonly gpu: GpuAccess,
    private readonly pace: Pick<MeasuredPace, 'of'>,
  ) {
    this.#datasets = new LastDataset(services);
  }

  async models(): Promise<ModelSummary[]> {
    const described = await this.shelf.list();
    const probe = await this.gpu.probe();
    const machine = machineOf(probe);
    const software = 'software' in probe && probe.software;
    const summaries = await Promise.all(
      described.map(async (model) => ({
        ...model,
        fits: machine && (await this.#fits(model.id, machine)),
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
    const { stored, dataset } = await this.#datasets.open(datasetId);
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
    const machine = machineOf(await this.gpu.probe()) ?? NO_MACHINE;
    const dataset = datasetId ? (await this.#datasets.open(datasetId)).dataset : null;
    const description = await this.#describe(modelId);
    return forecast(description, checked, dataset, machine);
  }

  async duration(
    modelId: string,
    datasetId: string,
    config: TrainingConfig,
    sampling: Sampling,
  ): Promise<number | null> {
    const checked = parseTrainingConfig(config);
    const probe = await this.gpu.probe();
    if (probe.status !== 'ready') return null;
    const { name, software } = probe;
    const { dataset } = await this.#datasets.open(datasetId);
    const description = await this.#describe(modelId);
    const work = runWork(description, checked, dataset, sampling.prompts, software);
    const total = workOfCounts(work, countsOfRun(work.totalSteps, checked, sampling));
    const wanted = { microBatch: work.microBatch, total };
    const method = { modelId, description, config: checked };
    return secondsOfRun(wanted, await this.#earlier(method, name, software), () =>
      this.pace.of([name, modelId, checked.method, checked.quantization].join(' '), {
        description,
        config: checked,
        batch: work.batch,
      }),
    );
  }

  async #describe(modelId: string) {
    const installed = (await this.shelf.list()).find(({ id }) => id === modelId);
    if (installed?.state === 'installed')
      return describeFolder((await this.shelf.open(modelId)).folder);
    const prequantised = modelId.endsWith('bnb-4bit');
    return describeConfig(await this.shelf.config(modelId), prequantised);
  }

  async #fits(modelId: string, machine: Machine): Promise<boolean> {
    const description = describeConfig(await this.shelf.config(modelId), false);
    return forecast(description, parseTrainingConfig({}), null, machine).verdict === 'fits';
  }

  /** The newest run of the same kind on a GPU that has enough steps to tell from and whose data are still here. */
  async #earlier(
    { modelId, description, config }: MethodOfModel,
    gpuName: string,
    software: boolean,
  ): Promise<EarlierRun | null> {
    const run = (await this.services.runs.list()).find(
      (other) =>
        other.modelId === modelId &&
        other.gpu === gpuName &&
        other.step >= FEWEST_STEPS &&
        other.config.method === config.method &&
        other.config.quantization === config.quantization,
    );
    if (!run || !(await this.services.datasets.get(datasetOfRun(run.id)))) return null;
    const { dataset } = await openStoredDataset(this.services, datasetOfRun(run.id));
    const metrics = await this.services.runs.metrics(run.id);
    const seconds = (metrics.at(-1)?.seconds ?? 0) - (metrics[0]?.seconds ?? 0);
    if (seconds <= 0) return null;
    const work = runWork(description, run.config, dataset, run.prompts.length, software);
    const total = workOfCounts(work, countsBetween(metrics, run.sampleEverySteps));
    return { microBatch: work.microBatch, total, seconds };
  }
}

/** A model and how it is trained. */
interface MethodOfModel {
  readonly modelId: string;
  readonly description: ModelDescription;
  readonly config: TrainingConfig;
}

function machineOf(probe: GpuProbe): Machine | null {
  if (!('memoryBudgetBytes' in probe)) return null;
  const { memoryBudgetBytes: budgetBytes, maxBindingBytes, f16 } = probe;
  return { budgetBytes, maxBindingBytes, f16 };
}
