type Numbers = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

const CHUNK_ITEMS = 1 << 16;

/** A typed array that numbers are added to at the end. It grows by chunks, so that it never holds much more than they take. */
export class GrowingArray<Items extends Numbers> {
  length = 0;
  #chunks: Items[] = [];

  constructor(private readonly make: new (length: number) => Items) {}

  push(value: number): void {
    this.#lastChunk()[this.length++ % CHUNK_ITEMS] = value;
  }

  append(values: Items): void {
    for (let from = 0; from < values.length;) {
      const start = this.length % CHUNK_ITEMS;
      const piece = values.subarray(from, from + CHUNK_ITEMS - start);
      this.#lastChunk().set(piece, start);
      this.length += piece.length;
      from += piece.length;
    }
  }

  /** What is in it, which is then empty. */
  take(): Items {
    const all = new this.make(this.length);
    this.#chunks.forEach((chunk, index) => {
      const start = index * CHUNK_ITEMS;
      all.set(chunk.subarray(0, Math.min(CHUNK_ITEMS, this.length - start)), start);
    });
    this.#chunks = [];
    this.length = 0;
    return all;
  }

  /** The chunk that the next number goes into. */
  #lastChunk(): Items {
    const index = Math.floor(this.length / CHUNK_ITEMS);
    return (this.#chunks[index] ??= new this.make(CHUNK_ITEMS));
  }
}
