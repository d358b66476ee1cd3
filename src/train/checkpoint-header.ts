import { parseTrainingConfig } from '../config';
import type { DataCursor } from '../data/batches';
import { InputError } from '../errors';
import { parseJson } from '../formats/json';
import { JsonFields } from '../formats/json-fields';
import type { Checkpoint, RunIdentity } from './checkpoint';
import { readMetrics } from './metrics';
import type { RunProgress } from './progress';
import { sha256 } from './sha256';

const FORMAT = 'tunesmith checkpoint';
/** Goes up when an older program could no longer read what this one writes. */
const VERSION = 1;

const COUNT = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const FINITE = { minimum: -Number.MAX_VALUE, maximum: Number.MAX_VALUE };

/** All of a checkpoint but its tensors and metrics, and what the files that hold those must be. */
export interface CheckpointHeader extends Omit<Checkpoint, 'state' | 'metrics'> {
  parts: { name: string; bytes: number; sha256: string }[];
}

/** The header as JSON: what it is, the hash of the rest, the rest. */
export async function encodeHeader(header: CheckpointHeader): Promise<string> {
  const { config, identity, totalSteps, progress, seconds } = header;
  const { cursor, unevaluated, parameters, parts } = header;
  const run = JSON.stringify({
    config,
    identity,
    totalSteps,
    progress,
    seconds,
    cursor,
    unevaluated,
    parameters,
    parts,
  });
  const about = { format: FORMAT, version: VERSION, sha256: await hashOfText(run) };
  return `${JSON.stringify(about).slice(0, -1)},"run":${run}}\n`;
}

/** @throws InputError where the text is not what `encodeHeader` wrote. */
export async function decodeHeader(text: string, file: string): Promise<CheckpointHeader> {
  const about = JsonFields.of(parseJson(text, file), file);
  if (about.string('format') !== FORMAT) about.fail('format', `must be "${FORMAT}"`);
  const version = about.integer('version', COUNT);
  if (version !== VERSION) {
    const hint = version > VERSION ? 'a newer version of Tunesmith wrote it' : 'it is too old';
    throw new InputError(`the checkpoint has format version ${version}; ${hint}`, { file });
  }
  // Numbers and strings of JSON.stringify are the same again after parsing, so the text that was hashed can be made again.
  if ((await hashOfText(JSON.stringify(about.raw('run')))) !== about.string('sha256')) {
    throw new InputError('the checkpoint is damaged; take an earlier one', { file });
  }
  const run = JsonFields.of(about.raw('run'), file);
  const totalSteps = run.integer('totalSteps', COUNT);
  const progress = readProgress(required(run, 'progress'), totalSteps);
  return {
    config: parseTrainingConfig(run.raw('config'), file),
    identity: readIdentity(run),
    totalSteps,
    progress,
    seconds: run.number('seconds', { minimum: 0, maximum: Number.MAX_VALUE }),
    cursor: readCursor(required(run, 'cursor')),
    unevaluated: readUnevaluated(run, progress, file),
    parameters: list(run, 'parameters', file).map((fields) => ({
      name: fields.string('name'),
      shape: readShape(fields),
    })),
    parts: list(run, 'parts', file).map((fields) => ({
      name: fields.string('name'),
      bytes: fields.integer('bytes', COUNT),
      sha256: fields.string('sha256'),
    })),
  };
}

function hashOfText(text: string | undefined): Promise<string> {
  return sha256(new TextEncoder().encode(text));
}

function required(fields: JsonFields, key: string): JsonFields {
  return fields.child(key) ?? fields.fail(key, 'must be an object');
}

function list(fields: JsonFields, key: string, file: string): JsonFields[] {
  const value = fields.raw(key);
  if (!Array.isArray(value)) return fields.fail(key, 'must be a list');
  return value.map((item) => JsonFields.of(item, file));
}

function readProgress(fields: JsonFields, totalSteps: number): RunProgress {
  const step = fields.integer('step', { minimum: 0, maximum: totalSteps });
  const upToStep = { minimum: 0, maximum: step };
  const best = fields.child('best');
  return {
    step,
    updates: fields.integer('updates', upToStep),
    skippedInARow: fields.integer('skippedInARow', upToStep),
    examples: fields.integer('examples', COUNT),
    best: best
      ? { step: best.integer('step', upToStep), evalLoss: best.number('evalLoss', FINITE) }
      : null,
    evaluationsSinceBest: fields.integer('evaluationsSinceBest', upToStep),
  };
}

function readCursor(fields: JsonFields): DataCursor {
  return { epoch: fields.integer('epoch', COUNT), microBatch: fields.integer('microBatch', COUNT) };
}

function readIdentity(fields: JsonFields): RunIdentity {
  const identity = required(fields, 'identity');
  return Object.fromEntries(identity.keys.map((key) => [key, identity.string(key)]));
}

function readUnevaluated(fields: JsonFields, { step }: RunProgress, file: string) {
  if (!fields.has('unevaluated')) return null;
  const metrics = readMetrics(fields.raw('unevaluated'), file);
  return metrics.step === step ? metrics : fields.fail('unevaluated', 'must be of the last step');
}

function readShape(fields: JsonFields): number[] {
  const shape: unknown = fields.raw('shape');
  const isSize = (size: unknown) => Number.isSafeInteger(size) && Number(size) >= 0;
  if (!Array.isArray(shape) || !shape.every(isSize)) {
    return fields.fail('shape', 'must be a list of sizes');
  }
  return shape.map(Number);
}
