import type { TrainingConfig } from '../../config';
import { InputError } from '../../errors';
import { keepStorage } from '../../storage/quota';
import type { RunDetail, TrainerEvent, TrainerWorker } from '../../worker/api';
import type { Workers } from '../../worker/client';
import { Alerts } from './alerts.svelte';
import { AnswerPair } from './answers.svelte';
import { CurrentRun } from './current-run.svelte';
import { Dataset } from './dataset.svelte';
import { sortDropped, withoutFolder, type FoundFile } from './dropped-files';
import { Machine } from './machine.svelte';
import { Models } from './models.svelte';
import { Operation } from './operation.svelte';
import { OtherTabs, type Shared, type TabChannel } from './other-tabs';
import { resolvesWithin } from './patience';
import { Plan } from './plan.svelte';
import { Preparation } from './preparation.svelte';
import { RunList } from './run-list.svelte';
import { saveFile } from './save-file';

const SAMPLE_FILE = 'sample/fables.jsonl';
/** All that the trainer's worker does of itself comes in shorter pieces, between which it answers. */
const PATIENCE_MILLISECONDS = 10_000;
const STARTED_AGAIN =
  'The trainer did not answer, perhaps because of the model’s tokenizer, and was started again; stored runs are safe';

/** The whole page's state: what the person can do, and what follows from it. */
export class Tunesmith {
  readonly alerts = new Alerts();
  readonly machine: Machine;
  readonly models: Models;
  readonly dataset: Dataset;
  readonly plan: Plan;
  readonly run = new CurrentRun();
  readonly runs: RunList;
  readonly preparation: Preparation;
  readonly answers: AnswerPair;
  readonly download: Operation;
  /** Whether Train or Resume was pressed and the run is not at work yet. */
  starting = $state(false);
  readonly canTrain = $derived.by(
    () =>
      this.machine.ready &&
      !this.machine.elsewhere &&
      !this.run.atWork &&
      !this.starting &&
      !this.preparation.taking &&
      !this.dataset.operation.running &&
      !this.models.operation.running &&
      (this.dataset.summary?.examples ?? 0) > 0 &&
      this.plan.problem === null &&
      this.plan.forecast?.verdict !== 'too-large',
  );
  readonly canDownload = $derived.by(
    () => this.run.summary?.hasAdapter === true && !this.run.moving && !this.download.running,
  );
  readonly #trainer: TrainerWorker;
  /** Id of the run that was asked for last. */
  #opening = '';

  /** @param channel to the other tabs of this page */
  constructor(
    private readonly workers: Workers,
    channel: TabChannel,
  ) {
    const others = new OtherTabs(channel, (shared) =>
      this.alerts.guard(() => this.#followOtherTab(shared)),
    );
    this.#trainer = workers.trainer.api;
    this.machine = new Machine(this.#trainer);
    this.models = new Models(this.#trainer, () => others.tell('models'));
    this.dataset = new Dataset(workers.dataset);
    this.plan = new Plan(this.#trainer);
    this.preparation = new Preparation(this.#trainer, this, () => others.tell('data'));
    this.runs = new RunList(this.#trainer, () => others.tell('runs'));
    this.answers = new AnswerPair(this.#trainer, () =>
      this.#unlessHung(this.#trainer.cancel('ask')),
    );
    this.download = new Operation(() => this.#trainer.cancel('download'));
    workers.dataset.onFailure = (message) => this.alerts.show({ severity: 'error', message });
    workers.trainer.onFailure = (message) => this.alerts.show({ severity: 'error', message });
  }

  /** Asks what is there: the run to come back to first, then the GPU, models, data and runs. */
  async open(): Promise<void> {
    await this.#trainer.listen((event) => this.#tell(event));
    const last = await this.#trainer.lastRun();
    if (last) this.#showRun(last);
    await Promise.all([
      this.machine.look(),
      this.models.load(),
      this.dataset.restore().catch((error: unknown) => this.alerts.showError(error)),
      this.runs.load(),
    ]);
    if (last) this.#chooseModelOf(last);
    await this.preparation.suggest(last ? 'shown beside' : 'taken over');
  }

  /** Takes dropped or chosen files: data, or a model. */
  async take(files: readonly FoundFile[]): Promise<void> {
    const dropped = sortDropped(files);
    for (const problem of dropped.problems) {
      this.alerts.show({ severity: 'warning', message: problem });
    }
    if (dropped.model) {
      await this.models.installFiles(dropped.model);
      await this.preparation.followModel();
    }
    if (dropped.data.length > 0) await this.preparation.take(dropped.data);
  }

  /** Takes the data that come with the page. */
  async takeSample(): Promise<void> {
    const sample = await fetchSample();
    if (!sample) throw new InputError('the sample did not load; try again when you are online');
    await this.take(withoutFolder([new File([sample], 'fables.jsonl')]));
  }

  async chooseModel(modelId: string): Promise<void> {
    this.models.chosenId = modelId;
    await this.preparation.followModel();
  }

  async findModel(repository: string): Promise<void> {
    await this.models.find(repository);
    await this.preparation.followModel();
  }

  async installModel(): Promise<void> {
    if (await this.models.install()) await this.preparation.followModel();
  }

  /** Deletes the chosen model's files, and makes the tokens of the model that is chosen then: without a tokenizer the data cannot be shown. */
  async removeModel(): Promise<void> {
    const removed = this.models.remove();
    // What is being found out is of the model that goes.
    await Promise.all([removed, this.preparation.foresee()]);
    await this.preparation.followModel();
  }

  async change(values: Partial<TrainingConfig>): Promise<void> {
    this.plan.change(values);
    await this.preparation.followSettings();
  }

  /** Starts a run with the data, the model and the settings that are shown; downloads the model first where needed. */
  async train(): Promise<void> {
    if (!this.canTrain) return;
    this.starting = true;
    try {
      if (!(await this.models.install())) return;
      const datasetId = await this.preparation.makeTokens();
      if (datasetId === null) return;
      // Only pages may ask; a browser that says no trains all the same.
      void keepStorage();
      this.#showRun(
        await this.#trainer.train({
          name: '',
          modelId: this.models.chosenId,
          datasetId,
          config: this.plan.config,
          precision: 'auto',
          prompts: this.plan.writtenPrompts,
          sampleEverySteps: this.plan.sampleEverySteps,
        }),
      );
    } finally {
      this.starting = false;
    }
  }

  async pause(): Promise<void> {
    await this.#unlessHung(this.#trainer.pause());
  }

  async resume(): Promise<void> {
    const { summary } = this.run;
    if (!summary || this.starting) return;
    this.starting = true;
    try {
      await this.#trainer.resume(summary.id);
    } finally {
      this.starting = false;
    }
  }

  async stop(): Promise<void> {
    await this.#unlessHung(this.#trainer.stop());
  }

  async ask(): Promise<void> {
    if (this.run.summary) await this.answers.ask(this.run.summary.id);
  }

  /** Makes the zip of the shown run and hands it to the browser to save. */
  async downloadZip(): Promise<void> {
    const { summary } = this.run;
    if (!summary) return;
    const file = await this.download.run('Writing the zip', (onProgress) =>
      this.#trainer.download(summary.id, onProgress),
    );
    if (file) saveFile(file);
  }

  async openRun(runId: string): Promise<void> {
    this.#opening = runId;
    if (runId === this.run.summary?.id) return;
    const detail = await this.#trainer.openRun(runId);
    // Of several that are asked for the last one counts.
    if (this.#opening !== runId) return;
    this.#showRun(detail);
    this.#chooseModelOf(detail);
    await this.preparation.foresee();
  }

  async deleteRun(runId: string): Promise<void> {
    await this.runs.delete(runId);
    if (runId === this.run.summary?.id) await this.#closeRun();
  }

  /**
   * Waits for something to end in the trainer's worker. Where that answers nothing at all, since a tokenizer keeps its thread, the worker is ended
   * and started again: its run is then interrupted, and goes on from its last checkpoint.
   */
  async #unlessHung(ending: Promise<void>): Promise<void> {
    const answer = Promise.race([ending, this.#trainer.runs()]);
    if (await resolvesWithin(PATIENCE_MILLISECONDS, answer)) return ending;
    ending.catch(() => undefined);
    this.workers.trainer.restart();
    this.alerts.show({ severity: 'warning', message: STARTED_AGAIN });
    await this.#trainer.listen((event) => this.#tell(event));
    const { summary } = this.run;
    if (summary) this.run.open(await this.#trainer.openRun(summary.id));
    await Promise.all([this.machine.look(), this.runs.load()]);
  }

  #chooseModelOf({ modelId }: RunDetail): void {
    if (this.models.list.some((model) => model.id === modelId)) this.models.chosenId = modelId;
  }

  #showRun(detail: RunDetail): void {
    this.run.open(detail);
    this.plan.adopt(detail);
    this.alerts.guard(() => this.answers.clear());
    if (this.answers.question === '') this.answers.question = detail.prompts[0] ?? '';
    this.runs.tell({ type: 'run', run: detail });
  }

  #tell(event: TrainerEvent): void {
    if (event.type === 'lock') {
      const changed = event.lock === 'elsewhere' || this.machine.lock === 'elsewhere';
      this.machine.lock = event.lock;
      if (changed) this.alerts.guard(() => this.#followRuns());
      // A run has ended, here or in another tab: the GPU may be timed again, and the run says how fast it was.
      if (event.lock === 'free') this.preparation.time();
    }
    if (event.type === 'notice' && event.notice.severity === 'error') {
      this.alerts.show(event.notice, this.run.summary?.hasAdapter === true);
    }
    this.run.tell(event);
    this.runs.tell(event);
  }

  /** Shows what another tab has changed in what all of them share. */
  async #followOtherTab(shared: Shared): Promise<void> {
    switch (shared) {
      case 'data':
        return this.preparation.followOtherTab();
      case 'models':
        await this.models.reload();
        return this.preparation.foresee();
      case 'runs':
        return this.#followRuns();
    }
  }

  /** Another tab has begun a run, let go of it, named it or deleted it: the run that is shown, unless it is at work here, may be another now. */
  async #followRuns(): Promise<void> {
    await this.runs.load();
    const { summary, atWork } = this.run;
    if (!summary || atWork) return;
    const now = this.runs.all.find(({ id }) => id === summary.id);
    if (!now) return this.#closeRun();
    if (now.phase === summary.phase && now.name === summary.name) return;
    try {
      this.run.open(await this.#trainer.openRun(now.id));
    } catch (error) {
      await this.runs.load();
      // Where it is deleted by now, that is told next.
      if (this.runs.all.some(({ id }) => id === now.id)) throw error;
    }
  }

  async #closeRun(): Promise<void> {
    this.run.close();
    await this.answers.clear();
  }
}

/** The data that come with the page; null where they do not come. */
async function fetchSample(): Promise<Blob | null> {
  try {
    const response = await fetch(SAMPLE_FILE);
    return response.ok ? await response.blob() : null;
  } catch {
    return null;
  }
}
