import { InputError } from '../errors';

/** Which examples share which row: row r holds `examples[starts[r]]` up to but without `examples[starts[r + 1]]`. */
export interface RowPlan {
  /** Example numbers, row after row. */
  examples: Uint32Array<ArrayBuffer>;
  /** [rows + 1] */
  starts: Uint32Array<ArrayBuffer>;
}

/** One example a row, in the order given. */
export function oneExampleARow(
  order: Uint32Array,
  lengths: Uint32Array,
  rowLength: number,
): RowPlan {
  for (const example of order) checkedLength(lengths, example, rowLength);
  return {
    examples: Uint32Array.from(order),
    starts: Uint32Array.from({ length: order.length + 1 }, (_, row) => row),
  };
}

/** Examples in the order given, as many a row as follow each other and fit. */
export function packInOrder(order: Uint32Array, lengths: Uint32Array, rowLength: number): RowPlan {
  const starts: number[] = [];
  let room = 0;
  order.forEach((example, place) => {
    const length = checkedLength(lengths, example, rowLength);
    if (length > room) {
      starts.push(place);
      room = rowLength;
    }
    room -= length;
  });
  return { examples: Uint32Array.from(order), starts: Uint32Array.from([...starts, order.length]) };
}

/**
 * Best-fit decreasing: the longest first, each into the fullest row that has room for it. Examples of one length are placed in the order given. Rows stand
 * in the order in which they were begun, the examples of a row in the order in which they were placed.
 */
export function packTightly(order: Uint32Array, lengths: Uint32Array, rowLength: number): RowPlan {
  const rooms = new Rooms(rowLength);
  const rowOf = new Uint32Array(order.length);
  const placing = placesByLength(order, lengths, rowLength);
  let rows = 0;
  for (const place of placing) {
    const length = lengths[order[place] ?? 0] ?? 0;
    const room = rooms.smallestFrom(length);
    const row = room === undefined ? rows++ : rooms.take(room);
    rowOf[place] = row;
    rooms.put((room ?? rowLength) - length, row);
  }
  return planFromRows(order, rowOf, placing, rows);
}

/** Places in `order`, those of the longest examples first, by counting. */
function placesByLength(order: Uint32Array, lengths: Uint32Array, rowLength: number): Uint32Array {
  const next = new Uint32Array(rowLength + 2);
  for (const example of order) {
    const rank = rowLength - checkedLength(lengths, example, rowLength);
    next[rank + 1] = (next[rank + 1] ?? 0) + 1;
  }
  for (let rank = 1; rank < next.length; rank++)
    next[rank] = (next[rank] ?? 0) + (next[rank - 1] ?? 0);
  const places = new Uint32Array(order.length);
  order.forEach((example, place) => {
    const rank = rowLength - (lengths[example] ?? 0);
    const at = next[rank] ?? 0;
    places[at] = place;
    next[rank] = at + 1;
  });
  return places;
}

function planFromRows(
  order: Uint32Array,
  rowOf: Uint32Array,
  placing: Uint32Array,
  rows: number,
): RowPlan {
  const starts = new Uint32Array(rows + 1);
  for (const row of rowOf) starts[row + 1] = (starts[row + 1] ?? 0) + 1;
  for (let row = 1; row <= rows; row++) starts[row] = (starts[row] ?? 0) + (starts[row - 1] ?? 0);
  const next = starts.slice();
  const examples = new Uint32Array(order.length);
  for (const place of placing) {
    const row = rowOf[place] ?? 0;
    const at = next[row] ?? 0;
    examples[at] = order[place] ?? 0;
    next[row] = at + 1;
  }
  return { examples, starts };
}

function checkedLength(lengths: Uint32Array, example: number, rowLength: number): number {
  const length = lengths[example] ?? 0;
  if (length <= rowLength) return length;
  throw new InputError(`example ${example} has ${length} tokens, more than a row's ${rowLength}`);
}

/** Unfinished rows by the room that they have left; a tree of counts finds the smallest room that is large enough. */
class Rooms {
  private readonly rows: number[][];
  private readonly counts: Uint32Array;
  private readonly leaves: number;

  constructor(rowLength: number) {
    this.rows = Array.from({ length: rowLength + 1 }, () => []);
    this.leaves = 2 ** Math.ceil(Math.log2(rowLength + 1));
    this.counts = new Uint32Array(2 * this.leaves);
  }

  put(room: number, row: number): void {
    this.rows[room]?.push(row);
    this.count(room, 1);
  }

  take(room: number): number {
    this.count(room, -1);
    return this.rows[room]?.pop() ?? 0;
  }

  /** The smallest room of any row that is at least `length`. */
  smallestFrom(length: number): number | undefined {
    let node = this.leaves + length;
    if (this.counts[node] !== 0) return length;
    // Up to the first subtree to the right that is not empty, then down its left edge.
    while (node > 1) {
      if (node % 2 === 0 && this.counts[node + 1] !== 0) {
        node++;
        while (node < this.leaves) node = this.counts[2 * node] !== 0 ? 2 * node : 2 * node + 1;
        return node - this.leaves;
      }
      node >>= 1;
    }
    return undefined;
  }

  private count(room: number, change: number): void {
    for (let node = this.leaves + room; node >= 1; node >>= 1) {
      this.counts[node] = (this.counts[node] ?? 0) + change;
    }
  }
}
