/**
 * Streams a model from its files to the GPU, tensor by tensor and piece by piece, quantising on the way where the settings say so. JavaScript
 * never holds more than a few pieces, whatever the size of the model.
 */

import { nf4Offset, nf4Table } from '../engine/nf4';
import {
  checkFinite,
  dequantize,
  quantizeNf4Codes,
  quantizeNf4Scales,
  quantizeQ8,
} from '../engine/ops/quantize';
import { Plan } from '../engine/plan';
import type { Runtime } from '../engine/runtime';
import { TensorSet, type Tensor } from '../engine/tensor';
import { readFloats, readWords, writeTensor } from '../engine/transfer';
import { declareWeight, NF4_BLOCK, type Weight, type WeightPart } from '../engine/weight';
import { InputError } from '../errors';
import { decodeFloats, firstNonFinite } from '../formats/float-codec';
import type { DenseWeight, LlamaFolder, Nf4Weight } from '../formats/llama-folder';
import { quoted } from '../formats/quoted';
import { storedFormat, weightsOf, type LlamaWeights } from './llama-weights';

/** Elements that are uploaded at a time: 16 MiB in f32, and a whole number of blocks, words and view alignments. */
const PIECE_ELEMENTS = 2 ** 22;

export interface LoadOptions {
  /** Told after every piece. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fills materialised weights from a folder.
 * @throws InputError naming the tensor and file where a weight is infinite or not a number; whatever `signal` was aborted with.
 */
export async function loadWeights(
  runtime: Runtime,
  folder: LlamaFolder,
  weights: LlamaWeights,
  options: LoadOptions = {},
): Promise<void> {
  const { matrices, vectors } = weightsOf(weights);
  const loader = new Loader(runtime, folder, options, [...matrices, ...vectors]);
  await loader.open();
  try {
    for (const vector of vectors) await loader.loadVector(vector);
    for (const matrix of matrices) await loader.loadMatrix(matrix);
    await runtime.idle();
  } finally {
    loader.close();
  }
}

class Loader {
  readonly #set = new TensorSet();
  readonly #staging: Tensor;
  readonly #notFinite: Tensor;
  readonly #total: number;
  #done = 0;

  constructor(
    private readonly runtime: Runtime,
    private readonly folder: LlamaFolder,
    private readonly options: LoadOptions,
    wanted: readonly { readonly name: string }[],
  ) {
    this.#total = wanted.reduce((sum, { name }) => sum + storedBytes(folder, name), 0);
    this.#staging = this.#set.tensor('staging', [PIECE_ELEMENTS], 'f32', 'workspace');
    this.#notFinite = this.#set.tensor('not finite', [1], 'u32', 'workspace');
  }

  open(): Promise<void> {
    return this.#set.materialise(this.runtime.gpu);
  }

  close(): void {
    this.#set.destroy();
  }

  async loadVector(vector: Tensor): Promise<void> {
    const stored = this.#dense(vector.name);
    const bytes = await stored.tensor.source.read(stored.tensor.offset, stored.tensor.length);
    const values = decodeFloats(bytes, stored.dtype);
    this.#refuseNonFinite(vector.name, values);
    writeTensor(this.runtime.gpu, vector, values);
    this.#advance(bytes.length);
  }

  async loadMatrix(weight: Weight): Promise<void> {
    writeTensor(this.runtime.gpu, this.#notFinite, Uint32Array.of(0));
    const stored = this.folder.weight(weight.name);
    if (stored.kind === 'nf4') await this.#loadStoredNf4(weight, stored);
    else if (weight.format === 'nf4') await this.#quantizeNf4(weight, stored);
    else if (weight.format === 'q8_0') await this.#quantizeQ8(weight, stored);
    else await this.#copyDense(weight, stored);
    const [flag] = await readWords(this.runtime.gpu, this.#notFinite);
    if (flag !== 0) throw this.#notFiniteError(weight.name);
  }

  /** The file's own numbers, or the same as f32 where the weight is to be trained. */
  async #copyDense(weight: Weight, stored: DenseWeight): Promise<void> {
    const widen = storedFormat(stored) !== weight.format;
    if (widen && weight.format !== 'f32') {
      throw new Error(`${weight.name}: ${stored.dtype} cannot become ${weight.format}`);
    }
    for (const part of weight.parts) {
      const [target] = part.tensors;
      if (!target) throw new Error(`${weight.name} has an empty part`);
      await this.#eachPiece(weight, stored, part, async (bytes, first, elements) => {
        const source = target.view(target.name, [elements], first * bytesPerElement(target));
        const data = widen ? decodeFloats(bytes, stored.dtype) : bytes;
        writeTensor(this.runtime.gpu, source, data);
        const { name: label } = weight;
        const notFinite = this.#notFinite;
        await this.#run((plan) => {
          checkFinite(plan, { label, source, elements, notFinite });
        });
      });
    }
  }

  async #quantizeNf4(weight: Weight, stored: DenseWeight): Promise<void> {
    const { gpu } = this.runtime;
    const label = weight.name;
    const table = weight.parts[0]?.tensors[2];
    const blocks = Math.ceil((weight.rows * weight.columns) / NF4_BLOCK);
    const scratch = new TensorSet();
    const absmax = scratch.tensor(`${label} absmax`, [blocks], 'f32', 'workspace');
    await scratch.materialise(gpu);
    try {
      if (!table) throw new Error(`${label} has no scales`);
      writeTensor(gpu, table, nf4Table(0));
      await this.#eachStaged(weight, stored, wholeWeight(weight), async (piece) => {
        await this.#run((plan) => {
          quantizeNf4Codes(plan, { ...piece, weight, absmax });
        });
      });
      writeTensor(gpu, table, nf4Table(nf4Offset(await readFloats(gpu, absmax))));
      await this.#run((plan) => {
        quantizeNf4Scales(plan, { label, weight, absmax });
      });
      await this.runtime.idle();
    } finally {
      scratch.destroy();
    }
  }

  async #quantizeQ8(weight: Weight, stored: DenseWeight): Promise<void> {
    for (const part of weight.parts) {
      await this.#eachStaged(weight, stored, part, async (piece) => {
        await this.#run((plan) => {
          quantizeQ8(plan, { ...piece, part });
        });
      });
    }
  }

  /** bitsandbytes' own codes and scales, or what they stand for where the weight is to be dense. */
  async #loadStoredNf4(weight: Weight, stored: Nf4Weight): Promise<void> {
    const format = storedFormat(stored);
    if (weight.format === format) return this.#copyNf4(weight, stored);
    if (weight.format !== 'f32') {
      throw new Error(`${weight.name}: ${format} cannot become ${weight.format}`);
    }
    const { gpu } = this.runtime;
    const { name, rows, columns } = weight;
    const scratch = new TensorSet();
    const limit = gpu.limits.maxStorageBufferBindingSize;
    const packed = declareWeight(scratch, name, [rows, columns], format, limit, 'workspace');
    const packedPart = wholeWeight(packed);
    await scratch.materialise(gpu);
    try {
      await this.#copyNf4(packed, stored);
      await this.#run((plan) => {
        for (const part of weight.parts) {
          const [out] = part.tensors;
          if (!out) throw new Error(`${name} has an empty part`);
          dequantize(plan, {
            label: name,
            weight: packed,
            part: packedPart,
            firstElement: part.firstRow * columns,
            elements: part.rows * columns,
            out,
          });
        }
      });
      await this.runtime.idle();
    } finally {
      scratch.destroy();
    }
  }

  async #copyNf4(weight: Weight, stored: Nf4Weight): Promise<void> {
    const { gpu } = this.runtime;
    const [codes, absmax, scales] = weight.parts[0]?.tensors ?? [];
    if (!codes || !absmax || !scales) throw new Error(`${weight.name} is not NF4`);
    const copy = async (to: Tensor, { source, offset, length, dtype }: Nf4Weight['codes']) => {
      const step = 4 * PIECE_ELEMENTS;
      for (let start = 0; start < length; start += step) {
        const bytes = await source.read(offset + start, Math.min(step, length - start));
        if (dtype === 'F32') this.#refuseNonFinite(weight.name, decodeFloats(bytes, dtype));
        writeTensor(gpu, to, bytes, start);
        await this.#advanceIdle(bytes.length);
      }
    };
    await copy(codes, stored.codes);
    const { absmax: scalesOf, quantMap } = stored;
    if (scalesOf.kind === 'f32') {
      await copy(absmax, scalesOf.tensor);
      writeTensor(gpu, scales, nf4Table(0, quantMap));
      return;
    }
    await copy(absmax, scalesOf.codes);
    const nested = scalesOf.nestedAbsmax;
    const table = nf4Table(scalesOf.nestedOffset, quantMap, scalesOf.nestedQuantMap);
    writeTensor(gpu, scales, table);
    const bytes = await nested.source.read(nested.offset, nested.length);
    this.#refuseNonFinite(weight.name, decodeFloats(bytes, 'F32'));
    writeTensor(gpu, scales, bytes, table.byteLength);
    this.#advance(bytes.length);
  }

  /** Uploads a part's pieces to the staging tensor, one after another. */
  async #eachStaged(
    weight: Weight,
    stored: DenseWeight,
    part: WeightPart,
    use: (piece: {
      label: string;
      source: Tensor;
      elements: number;
      firstElement: number;
      notFinite: Tensor;
    }) => Promise<void>,
  ): Promise<void> {
    const notFinite = this.#notFinite;
    const dtype = ({ F32: 'f32', F16: 'f16', BF16: 'bf16' } as const)[stored.dtype];
    await this.#eachPiece(weight, stored, part, async (bytes, firstElement, elements) => {
      const source = this.#staging.as('staging', [elements], dtype);
      writeTensor(this.runtime.gpu, source, bytes);
      await use({ label: weight.name, source, elements, firstElement, notFinite });
    });
  }

  /** Reads a part's elements in pieces; `first` counts from the start of the part. */
  async #eachPiece(
    weight: Weight,
    { tensor, shape }: DenseWeight,
    part: WeightPart,
    use: (bytes: Uint8Array<ArrayBuffer>, first: number, elements: number) => Promise<void>,
  ): Promise<void> {
    const size = tensor.length / shape.reduce((product, extent) => product * extent, 1);
    const start = tensor.offset + part.firstRow * weight.columns * size;
    const count = part.rows * weight.columns;
    for (let first = 0; first < count; first += PIECE_ELEMENTS) {
      const elements = Math.min(PIECE_ELEMENTS, count - first);
      const bytes = await tensor.source.read(start + first * size, elements * size);
      await use(bytes, first, elements);
      await this.#advanceIdle(bytes.length);
    }
  }

  async #run(record: (plan: Plan) => void): Promise<void> {
    const plan = new Plan('load');
    record(plan);
    const compiled = await this.runtime.compile(plan);
    await this.runtime.run(compiled);
    compiled.destroy();
  }

  #advance(bytes: number): void {
    this.options.signal?.throwIfAborted();
    this.#done += bytes;
    this.options.onProgress?.(this.#done, this.#total);
  }

  /** Waits for the upload too: a queue holds a copy of everything that was written and not taken yet. */
  async #advanceIdle(bytes: number): Promise<void> {
    await this.runtime.idle();
    this.#advance(bytes);
  }

  #dense(name: string): DenseWeight {
    const stored = this.folder.weight(name);
    if (stored.kind !== 'dense') throw new Error(`${name} is not dense`);
    return stored;
  }

  #refuseNonFinite(name: string, values: Float32Array): void {
    if (firstNonFinite(values) >= 0) throw this.#notFiniteError(name);
  }

  #notFiniteError(name: string): InputError {
    const stored = this.folder.weight(name);
    const file = (stored.kind === 'dense' ? stored.tensor : stored.codes).source.name;
    return new InputError(
      `the tensor ${quoted(name)} holds infinite numbers or none; take an undamaged copy of the model`,
      { file },
    );
  }
}

function bytesPerElement(tensor: Tensor): number {
  return tensor.dtype === 'f32' ? 4 : 2;
}

/** The only part of a matrix that is never split. */
function wholeWeight({ name, parts }: Weight): WeightPart {
  const [part, ...others] = parts;
  if (!part || others.length > 0) throw new Error(`${name} is split`);
  return part;
}

function storedBytes(folder: LlamaFolder, name: string): number {
  const stored = folder.weight(name);
  if (stored.kind === 'dense') return stored.tensor.length;
  const { codes, absmax } = stored;
  const scales =
    absmax.kind === 'f32' ? absmax.tensor.length : absmax.codes.length + absmax.nestedAbsmax.length;
  return codes.length + scales;
}
