type Numbers = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** A typed array that numbers are added to at the end. */
export class GrowingArray<Items extends Numbers> {
  length = 0;
  private items: Items;

  constructor(private readonly make: new (length: number) => Items) {
    this.items = new make(1024);
  }

  push(value: number): void {
    this.reserve(this.length + 1);
    this.items[this.length++] = value;
  }

  append(values: Items): void {
    this.reserve(this.length + values.length);
    this.items.set(values, this.length);
    this.length += values.length;
  }

  clear(): void {
    this.length = 0;
  }

  /** A copy of what is in it. */
  toArray(): Items {
    const copy = new this.make(this.length);
    copy.set(this.items.subarray(0, this.length));
    return copy;
  }

  private reserve(length: number): void {
    if (length <= this.items.length) return;
    const larger = new this.make(Math.max(length, 2 * this.items.length));
    larger.set(this.items.subarray(0, this.length));
    this.items = larger;
  }
}
