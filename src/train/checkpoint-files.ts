import { InputError } from '../errors';
import {
  decodeUtf8,
  memorySource,
  openRequired,
  readAll,
  type FileFolder,
} from '../formats/byte-source';
import { parseJson } from '../formats/json';
import { openSafetensors, readTensor } from '../formats/safetensors';
import { encodeSafetensors } from '../formats/safetensors-writer';
import type { TrainableState } from '../model/trainable';
import { allFinite, type Checkpoint } from './checkpoint';
import { decodeHeader, encodeHeader, type CheckpointHeader } from './checkpoint-header';
import { metricsLine, readMetrics, type StepMetrics } from './metrics';
import { sha256 } from './sha256';

/** One named part of a checkpoint, to be kept under that name. */
export interface CheckpointFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** What the other parts are and what they hash to; to be written last, since a checkpoint without it is none. */
export const HEADER_FILE = 'checkpoint.json';
const METRICS_FILE = 'metrics.jsonl';
const STATE_FILES: Readonly<Record<keyof TrainableState, string>> = {
  parameters: 'parameters.safetensors',
  firstMoments: 'first_moments.safetensors',
  secondMoments: 'second_moments.safetensors',
};
const MAXIMUM_HEADER_BYTES = 16 * 1024 * 1024;

/**
 * A checkpoint as files, in the order in which they are to be written: parameters and moments as safetensors with their exact f32 values,
 * the metrics a line a step, and last the JSON header with all else.
 */
export async function encodeCheckpoint(checkpoint: Checkpoint): Promise<CheckpointFile[]> {
  const files = [
    ...stateKeys().map((key) => ({
      name: STATE_FILES[key],
      bytes: encodeTensors(checkpoint, checkpoint.state[key]),
    })),
    { name: METRICS_FILE, bytes: encodeMetrics(checkpoint.metrics) },
  ];
  const parts = await Promise.all(
    files.map(async ({ name, bytes }) => ({
      name,
      bytes: bytes.length,
      sha256: await sha256(bytes),
    })),
  );
  const header = await encodeHeader({ ...checkpoint, parts });
  return [...files, { name: HEADER_FILE, bytes: new TextEncoder().encode(header) }];
}

/**
 * Reads what `encodeCheckpoint` wrote, trusting none of it.
 *
 * @throws InputError where a file is missing, cut short, changed, or does not fit the others.
 */
export async function decodeCheckpoint(folder: FileFolder): Promise<Checkpoint> {
  const source = await openRequired(folder, HEADER_FILE);
  const text = decodeUtf8(await readAll(source, MAXIMUM_HEADER_BYTES), HEADER_FILE);
  const { parts, ...header } = await decodeHeader(text, HEADER_FILE);
  const read = (name: string) => readPart(folder, parts, name);
  const metrics = decodeMetrics(await read(METRICS_FILE));
  checkMetrics(metrics, header);
  const state: TrainableState = { parameters: [], firstMoments: [], secondMoments: [] };
  for (const key of stateKeys()) {
    const name = STATE_FILES[key];
    state[key] = await decodeTensors(await read(name), name, header);
  }
  if (!allFinite(state)) {
    throw new InputError('the checkpoint holds values that are not finite', { file: HEADER_FILE });
  }
  return { ...header, metrics, state };
}

function stateKeys(): (keyof TrainableState)[] {
  return ['parameters', 'firstMoments', 'secondMoments'];
}

async function readPart(
  folder: FileFolder,
  parts: CheckpointHeader['parts'],
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const part = parts.find((candidate) => candidate.name === name);
  if (!part) throw new InputError(`the checkpoint has no part ${name}`, { file: HEADER_FILE });
  const source = await openRequired(folder, name);
  if (source.size !== part.bytes) {
    throw new InputError(
      `the file has ${source.size} bytes, but ${part.bytes} were written; take an earlier checkpoint`,
      { file: name },
    );
  }
  const bytes = await readAll(source, part.bytes);
  if ((await sha256(bytes)) !== part.sha256) {
    throw new InputError(
      'the file is damaged: its SHA-256 is not the one that was written; take an earlier checkpoint',
      { file: name },
    );
  }
  return bytes;
}

function encodeTensors(
  { parameters }: Checkpoint,
  values: readonly Float32Array[],
): Uint8Array<ArrayBuffer> {
  const tensors = parameters.map(({ name, shape }, index) => {
    const tensor = values[index] ?? new Float32Array();
    const bytes = new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength);
    return { name, dtype: 'F32' as const, shape, bytes };
  });
  return encodeSafetensors(tensors);
}

async function decodeTensors(
  bytes: Uint8Array,
  file: string,
  { parameters }: Pick<CheckpointHeader, 'parameters'>,
): Promise<Float32Array<ArrayBuffer>[]> {
  const { tensors } = await openSafetensors(memorySource(file, bytes));
  if (tensors.size !== parameters.length) {
    throw new InputError(
      `the file has ${tensors.size} tensors, but the run trains ${parameters.length}`,
      { file },
    );
  }
  const values: Float32Array<ArrayBuffer>[] = [];
  for (const { name, shape } of parameters) {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
      throw new InputError(`the tensor "${name}" is not there as F32 [${shape.join(', ')}]`, {
        file,
      });
    }
    values.push(new Float32Array((await readTensor(tensor)).buffer));
  }
  return values;
}

function encodeMetrics(metrics: readonly StepMetrics[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(metrics.map((step) => `${metricsLine(step)}\n`).join(''));
}

function decodeMetrics(bytes: Uint8Array): StepMetrics[] {
  const lines = decodeUtf8(bytes, METRICS_FILE).split('\n').slice(0, -1);
  return lines.map((line) => readMetrics(parseJson(line, METRICS_FILE), METRICS_FILE));
}

/** Metrics must be those of the steps 1, 2, ... up to the last, or to the last but one where that waits for its evaluation. */
function checkMetrics(
  metrics: readonly StepMetrics[],
  { progress, unevaluated }: Pick<Checkpoint, 'progress' | 'unevaluated'>,
): void {
  const inOrder = metrics.every(({ step }, index) => step === index + 1);
  if (!inOrder || metrics.length !== progress.step - (unevaluated ? 1 : 0)) {
    throw new InputError(`the lines are not those of the steps up to ${progress.step}`, {
      file: METRICS_FILE,
    });
  }
}
