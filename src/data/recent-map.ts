/** A map that forgets: it keeps the `capacity` entries that were used last, and at most as many others. */
export class RecentMap<Key, Value> {
  private recent = new Map<Key, Value>();
  private before = new Map<Key, Value>();

  constructor(private readonly capacity: number) {}

  get size(): number {
    return this.recent.size + this.before.size;
  }

  get(key: Key): Value | undefined {
    const value = this.recent.get(key);
    if (value !== undefined) return value;
    const older = this.before.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: Key, value: Value): void {
    if (this.recent.size >= this.capacity) {
      this.before = this.recent;
      this.recent = new Map();
    }
    this.recent.set(key, value);
  }
}
