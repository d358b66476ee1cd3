import { SvelteMap } from 'svelte/reactivity';
import type { Tunesmith } from './tunesmith.svelte';

export type BandName = 'data' | 'train' | 'result';

/** Where the work stands; the bands that are open follow from it. */
type Stage = 'empty' | 'data' | 'training' | 'trained' | 'failed';

const OPEN: Record<Stage, readonly BandName[]> = {
  empty: ['data'],
  data: ['data', 'train'],
  training: ['train'],
  trained: ['train', 'result'],
  failed: ['train'],
};

/** Which bands are open: those at work, unless the person opened or closed one at this stage. */
export class Bands {
  readonly #stage = $derived.by(() => stageOf(this.tunesmith));
  readonly #chosen = new SvelteMap<string, boolean>();

  constructor(private readonly tunesmith: Tunesmith) {}

  isOpen(band: BandName): boolean {
    return this.#chosen.get(`${this.#stage} ${band}`) ?? OPEN[this.#stage].includes(band);
  }

  toggle(band: BandName): void {
    this.set(band, !this.isOpen(band));
  }

  /** Opens or folds a band until the work comes to another stage. */
  set(band: BandName, open: boolean): void {
    this.#chosen.set(`${this.#stage} ${band}`, open);
  }
}

function stageOf({ run, dataset }: Tunesmith): Stage {
  if (run.phase === 'failed') return 'failed';
  if (run.phase === 'finished' || run.phase === 'stopped') return 'trained';
  if (run.phase !== null) return 'training';
  return dataset.summary ? 'data' : 'empty';
}
