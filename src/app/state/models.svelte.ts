import type { ModelSummary, TrainerWorker } from '../../worker/api';
import type { DroppedModel } from './dropped-files';
import { Operation } from './operation.svelte';

export const STARTER = 'starter';

/** The models that can be chosen, the chosen one, and the download or copy under way. */
export class Models {
  list = $state.raw<ModelSummary[]>([]);
  chosenId = $state(STARTER);
  readonly chosen = $derived(this.list.find((model) => model.id === this.chosenId) ?? null);
  /** The largest that fits, where it is another than the chosen one. */
  readonly proposed = $derived(
    this.list.find((model) => model.proposed && model.id !== this.chosenId) ?? null,
  );
  /** The model whose tokenizer the data are counted with: the chosen one once it is here. */
  readonly tokenizerId = $derived(this.chosen?.state === 'installed' ? this.chosen.id : STARTER);
  readonly operation: Operation;

  /** @param onChange told when models have come or gone */
  constructor(
    private readonly trainer: TrainerWorker,
    private readonly onChange: () => void,
  ) {
    this.operation = new Operation(() => trainer.cancel('install'));
  }

  async load(): Promise<void> {
    this.list = await this.trainer.models();
  }

  /** Looks a hub repository up and chooses it. */
  async find(repository: string): Promise<void> {
    const found = await this.operation.run('Looking the repository up', () =>
      this.trainer.findModel(repository),
    );
    if (found) this.#choose(found);
  }

  /**
   * Downloads the chosen model where it is not here yet.
   *
   * @returns whether it is here; false when the download was cancelled
   */
  async install(): Promise<boolean> {
    const model = this.chosen;
    if (!model || model.state === 'installed') return model !== null;
    const installed = await this.operation.run(`Downloading ${model.name}`, (onProgress) =>
      this.trainer.installModel(model.id, onProgress),
    );
    this.onChange();
    await this.load();
    if (installed) this.#replace(installed);
    return installed !== undefined;
  }

  /** Takes a model from files that were dropped, and chooses it. */
  async installFiles({ folder, files }: DroppedModel): Promise<void> {
    const installed = await this.operation.run('Copying the model', (onProgress) =>
      this.trainer.installFiles(folder, files, onProgress),
    );
    if (!installed) return;
    this.onChange();
    this.#choose(installed);
  }

  /** Deletes the chosen model's files; the starter is chosen instead, from the first, where it cannot be downloaded again. */
  async remove(): Promise<void> {
    const model = this.chosen;
    if (!model) return;
    if (model.origin === 'files') this.chosenId = STARTER;
    try {
      await this.trainer.removeModel(model.id);
    } catch (error) {
      this.chosenId = model.id;
      throw error;
    }
    this.onChange();
    await this.reload();
  }

  /** Lists the models as they are now. Where the chosen one is gone, the starter is chosen; one that was only looked up is stored nowhere, and stays. */
  async reload(): Promise<void> {
    const { chosen } = this;
    await this.load();
    if (this.chosen) return;
    if (chosen?.state === 'absent') this.#replace(chosen);
    else this.chosenId = STARTER;
  }

  #choose(model: ModelSummary): void {
    this.#replace(model);
    this.chosenId = model.id;
  }

  #replace(model: ModelSummary): void {
    const known = this.list.some((other) => other.id === model.id);
    this.list = known
      ? this.list.map((other) => (other.id === model.id ? model : other))
      : [...this.list, model];
  }
}
