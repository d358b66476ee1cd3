import { SvelteMap } from 'svelte/reactivity';
import type { RunDetail, RunSummary, TrainerEvent, TrainerWorker } from '../../worker/api';
import { afterSteps } from './current-run.svelte';

/** All stored runs, and those that are laid over the current one to compare. */
export class RunList {
  all = $state.raw<RunSummary[]>([]);
  readonly compared = new SvelteMap<string, RunDetail>();

  /** @param onChange told when a run has another name, or is deleted */
  constructor(
    private readonly trainer: TrainerWorker,
    private readonly onChange: () => void,
  ) {}

  async load(): Promise<void> {
    this.all = await this.trainer.runs();
  }

  async rename(runId: string, name: string): Promise<void> {
    await this.trainer.renameRun(runId, name);
    this.onChange();
    await this.load();
    const compared = this.compared.get(runId);
    if (compared) this.compared.set(runId, { ...compared, name });
  }

  async delete(runId: string): Promise<void> {
    await this.trainer.deleteRun(runId);
    this.onChange();
    this.compared.delete(runId);
    await this.load();
  }

  /** Lays a run's curves over the others, or takes them away. */
  async toggleCompared(runId: string): Promise<void> {
    if (this.compared.delete(runId)) return;
    this.compared.set(runId, await this.trainer.openRun(runId));
  }

  /** Keeps the list in step with the run at work. */
  tell(event: TrainerEvent): void {
    if (event.type === 'steps') {
      const { runId, metrics } = event;
      this.all = this.all.map((run) => (run.id === runId ? afterSteps(run, metrics) : run));
    }
    if (event.type !== 'run') return;
    const { run } = event;
    const known = this.all.some((other) => other.id === run.id);
    this.all = known
      ? this.all.map((other) => (other.id === run.id ? run : other))
      : [run, ...this.all];
  }
}
