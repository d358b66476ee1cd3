/**
 * Everything that is trained, laid end to end in a few large buffers: one update, one norm and one checkpoint copy serve a thousand
 * small matrices. Kernels see each parameter as a view.
 */

import type { Gpu } from '../engine/gpu';
import type { TrainedBuffer } from '../engine/ops/optimizer';
import { elementCount, type TensorSet, VIEW_ALIGNMENT, type Tensor } from '../engine/tensor';
import { readFloats, writeTensor } from '../engine/transfer';
import type { Weight } from '../engine/weight';
import type { TrainableState, TrainedParameter } from './trainable';

const ALIGNMENT = VIEW_ALIGNMENT / 4;

/** Consecutive rows of a parameter inside one buffer. */
interface Part {
  readonly buffer: TrainedBuffer;
  readonly offset: number;
  readonly firstRow: number;
  readonly shape: readonly number[];
}

type Role = 'parameters' | 'gradients' | 'firstMoments' | 'secondMoments';

/** The trained parameters of a model with their gradients and moments. */
export class ParameterSet {
  readonly buffers: readonly TrainedBuffer[];
  readonly #parts = new Map<string, readonly Part[]>();

  /**
   * Lays the parameters out and declares their buffers.
   * @param maximumBinding bytes of the largest buffer that may be bound; a larger parameter is split by rows.
   */
  constructor(
    set: TensorSet,
    readonly parameters: readonly TrainedParameter[],
    maximumBinding: number,
  ) {
    const capacity = Math.floor(maximumBinding / VIEW_ALIGNMENT) * ALIGNMENT;
    const layout = new Layout(capacity);
    for (const parameter of parameters) layout.place(parameter);
    this.buffers = layout.buffers.map(({ count, decays }, index) =>
      declareBuffer(set, `trained[${index}]`, count, decays),
    );
    for (const { name, firstRow, shape, bufferIndex, offset } of layout.places) {
      const buffer = this.buffers[bufferIndex];
      if (!buffer) throw new Error(`no buffer ${bufferIndex}`);
      const parts = this.#parts.get(name) ?? [];
      this.#parts.set(name, [...parts, { buffer, offset, firstRow, shape }]);
    }
  }

  /** A parameter that lies in one piece, as vectors and adapters do. */
  value(name: string): Tensor {
    return this.#single(name, 'parameters');
  }

  /** Its gradient. */
  gradient(name: string): Tensor {
    return this.#single(name, 'gradients');
  }

  /** A matrix as kernels take weights. */
  weight(name: string): Weight {
    return this.#weight(name, 'parameters');
  }

  /** Its gradient in the same form. */
  weightGradient(name: string): Weight {
    return this.#weight(name, 'gradients');
  }

  /** Parameters and moments as they are after the work submitted so far. */
  async read(gpu: Gpu): Promise<TrainableState> {
    const role = async (key: Role): Promise<TrainableState[Role & keyof TrainableState]> => {
      const flat = await Promise.all(this.buffers.map((buffer) => readFloats(gpu, buffer[key])));
      return this.parameters.map(({ name, shape }) => {
        const values = new Float32Array(elementCount(shape));
        for (const { part, start, source } of this.#pieces(name, flat)) {
          values.set(source.subarray(part.offset, part.offset + elementCount(part.shape)), start);
        }
        return values;
      });
    };
    const [parameters, firstMoments, secondMoments] = await Promise.all([
      role('parameters'),
      role('firstMoments'),
      role('secondMoments'),
    ]);
    return { parameters, firstMoments, secondMoments };
  }

  /** Sets one role of one parameter, in queue order. */
  write(gpu: Gpu, name: string, role: Role, values: Float32Array): void {
    let start = 0;
    for (const part of this.#partsOf(name)) {
      const count = elementCount(part.shape);
      writeTensor(
        gpu,
        part.buffer[role],
        new Float32Array(values.subarray(start, start + count)),
        part.offset * 4,
      );
      start += count;
    }
    if (start !== values.length)
      throw new Error(`${name} has ${start} values, not ${values.length}`);
  }

  *#pieces(name: string, flat: readonly Float32Array[]) {
    let start = 0;
    for (const part of this.#partsOf(name)) {
      const source = flat[this.buffers.indexOf(part.buffer)];
      if (!source) throw new Error(`${name} was not read`);
      yield { part, start, source };
      start += elementCount(part.shape);
    }
  }

  #partsOf(name: string): readonly Part[] {
    const parts = this.#parts.get(name);
    if (!parts) throw new Error(`${name} is not trained`);
    return parts;
  }

  #single(name: string, role: Role): Tensor {
    const [part, ...others] = this.#partsOf(name);
    if (!part || others.length > 0) throw new Error(`${name} lies in several buffers`);
    return view(name, part, role);
  }

  #weight(name: string, role: Role): Weight {
    const parts = this.#partsOf(name);
    const columns = parts[0]?.shape[1];
    if (columns === undefined) throw new Error(`${name} is not a matrix`);
    const rows = parts.reduce((sum, part) => sum + (part.shape[0] ?? 0), 0);
    return {
      name,
      rows,
      columns,
      format: 'f32',
      parts: parts.map((part) => ({
        firstRow: part.firstRow,
        rows: part.shape[0] ?? 0,
        tensors: [view(name, part, role)],
      })),
    };
  }
}

function view(name: string, part: Part, role: Role): Tensor {
  return part.buffer[role].view(name, part.shape, part.offset * 4);
}

function declareBuffer(
  set: TensorSet,
  name: string,
  count: number,
  decays: boolean,
): TrainedBuffer {
  const tensor = (role: string, purpose: 'adapter' | 'optimizer'): Tensor =>
    set.tensor(`${name} ${role}`, [count], 'f32', purpose);
  return {
    count,
    decays,
    parameters: tensor('parameters', 'adapter'),
    gradients: tensor('gradients', 'adapter'),
    firstMoments: tensor('first moments', 'optimizer'),
    secondMoments: tensor('second moments', 'optimizer'),
  };
}

interface Place {
  readonly name: string;
  readonly firstRow: number;
  readonly shape: readonly number[];
  readonly bufferIndex: number;
  readonly offset: number;
}

/** Places parameters one after another, each at a multiple of {@link ALIGNMENT}, decayed and undecayed ones in buffers of their own. */
class Layout {
  readonly buffers: { count: number; readonly decays: boolean }[] = [];
  readonly places: Place[] = [];

  constructor(private readonly capacity: number) {}

  place({ name, shape, decay }: TrainedParameter): void {
    const [rows = 1, ...rest] = shape;
    const rowSize = elementCount(rest);
    const fitting = Math.floor(this.capacity / rowSize);
    if (fitting < 1) throw new Error(`one row of ${name} is larger than a binding may be`);
    for (let firstRow = 0; firstRow < rows; firstRow += fitting) {
      const count = Math.min(fitting, rows - firstRow);
      const bufferIndex = this.#bufferFor(count * rowSize, decay);
      const buffer = this.buffers[bufferIndex];
      if (!buffer) throw new Error(`no buffer ${bufferIndex}`);
      const offset = buffer.count;
      this.places.push({ name, firstRow, shape: [count, ...rest], bufferIndex, offset });
      buffer.count = Math.ceil((offset + count * rowSize) / ALIGNMENT) * ALIGNMENT;
    }
  }

  #bufferFor(size: number, decays: boolean): number {
    const open = this.buffers.findLastIndex((buffer) => buffer.decays === decays);
    const used = this.buffers[open]?.count;
    if (used !== undefined && used + size <= this.capacity) return open;
    return this.buffers.push({ count: 0, decays }) - 1;
  }
}
