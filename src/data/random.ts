/**
 * A seeded generator of 32-bit numbers, the same on every machine: xoshiro128** (Blackman and Vigna), its state filled by hashing the seed.
 * For order and splits, not for secrets.
 */
export class SeededRandom {
  private readonly state = new Uint32Array(4);

  /** @param seed any integers; each combination gives a sequence of its own */
  constructor(...seed: readonly number[]) {
    let mixed = 0x9e3779b9;
    for (const part of seed) {
      mixed = scramble(mixed ^ (part >>> 0));
      mixed = scramble(mixed + Math.floor(part / 2 ** 32));
    }
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      this.state[index] = scramble(mixed);
    }
  }

  /** A whole number in [0, bound), each equally likely; `bound` at most 2^32. */
  below(bound: number): number {
    const fair = 2 ** 32 - (2 ** 32 % bound);
    let value = this.next();
    while (value >= fair) value = this.next();
    return value % bound;
  }

  private next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.state;
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    this.state[0] = a ^ fourth;
    this.state[1] = b ^ third;
    this.state[2] = third ^ (b << 9);
    this.state[3] = rotateLeft(fourth, 11);
    return result;
  }
}

/** Brings the numbers into a random order in place, by Fisher and Yates. */
export function shuffle(numbers: Uint32Array, random: SeededRandom): void {
  for (let last = numbers.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const kept = numbers[last] ?? 0;
    numbers[last] = numbers[other] ?? 0;
    numbers[other] = kept;
  }
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** MurmurHash3's finaliser (Appleby): every bit of the value changes every bit of the result. */
function scramble(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
