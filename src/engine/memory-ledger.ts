/** What GPU memory is for; the page's memory bar shows exactly these. */
export const PURPOSES = ['weights', 'adapter', 'optimizer', 'activations', 'workspace'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** Bytes by purpose. */
export type MemoryByPurpose = Record<Purpose, number>;

/** No bytes for any purpose. */
export function noMemory(): MemoryByPurpose {
  return { weights: 0, adapter: 0, optimizer: 0, activations: 0, workspace: 0 };
}

/** The sum, purpose by purpose. */
export function addMemory(...parts: readonly Readonly<MemoryByPurpose>[]): MemoryByPurpose {
  const sum = noMemory();
  for (const part of parts) for (const purpose of PURPOSES) sum[purpose] += part[purpose];
  return sum;
}

/** Bytes of all purposes. */
export function totalMemory(memory: Readonly<MemoryByPurpose>): number {
  return PURPOSES.reduce((sum, purpose) => sum + memory[purpose], 0);
}

/** Counts the bytes of the buffers that exist on a device, by what they are for. */
export class MemoryLedger {
  readonly #now = noMemory();
  #peak = 0;

  /** Bytes allocated now. */
  get byPurpose(): Readonly<MemoryByPurpose> {
    return this.#now;
  }

  get total(): number {
    return totalMemory(this.#now);
  }

  /** The largest total there has been. */
  get peak(): number {
    return this.#peak;
  }

  add(purpose: Purpose, bytes: number): void {
    this.#now[purpose] += bytes;
    this.#peak = Math.max(this.#peak, this.total);
  }

  remove(purpose: Purpose, bytes: number): void {
    this.#now[purpose] -= bytes;
  }
}
