import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors';
import { memoryFolder } from '../../src/formats/byte-source';
import type { Checkpoint } from '../../src/train/checkpoint';
import {
  decodeCheckpoint,
  encodeCheckpoint,
  type CheckpointFile,
} from '../../src/train/checkpoint-files';
import { configDifference, identityDifference } from '../../src/train/differences';
import { newRun, randomExamples, smallConfig } from './training-bench';

const IDENTITY = { model: 'starter', data: 'sha256:00ff' };
let checkpoint: Checkpoint;
let files: CheckpointFile[];

beforeAll(async () => {
  const run = newRun({
    config: { max_steps: 4, eval_steps: 2 },
    held: randomExamples(2, 5),
    parts: { identity: IDENTITY },
  });
  await run.trainer.run(run.told);
  checkpoint = await run.trainer.state();
  files = await encodeCheckpoint(checkpoint);
});

type Parts = Record<string, Uint8Array>;

const partsOf = (list: readonly CheckpointFile[]): Parts =>
  Object.fromEntries(list.map(({ name, bytes }) => [name, bytes]));
const decode = (parts: Parts) => decodeCheckpoint(memoryFolder('checkpoint', parts));
const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

/** The parts with some of the header's content changed and its hashes made right again: what only somebody hostile would write. */
function forged(change: (run: Record<string, unknown>) => unknown, parts = partsOf(files)): Parts {
  const header = JSON.parse(textOf(parts['checkpoint.json'])) as {
    run: Record<string, unknown>;
  };
  change(header.run);
  const run = JSON.stringify(header.run);
  const text = JSON.stringify({ ...header, sha256: sha256(run) });
  return { ...parts, 'checkpoint.json': new TextEncoder().encode(text) };
}

describe('a checkpoint as files', () => {
  test('is the same again after it is read', async () => {
    expect(await decode(partsOf(files))).toEqual(checkpoint);
  });

  test('keeps every bit of every finite float', async () => {
    const odd = Float32Array.of(-0, 1e-45, -3.4028234663852886e38, 0.1, 1.17549435e-38, 0, 1);
    const state = {
      ...checkpoint.state,
      parameters: checkpoint.state.parameters.map((values) =>
        values.map((value, index) => odd[index] ?? value),
      ),
    };
    const read = await decode(partsOf(await encodeCheckpoint({ ...checkpoint, state })));
    const bits = (values: Float32Array<ArrayBuffer>) => Array.from(new Uint32Array(values.buffer));
    expect(read.state.parameters.map(bits)).toEqual(state.parameters.map(bits));
  });

  test('keeps what is not finite in metrics, and a step whose evaluation is due', async () => {
    const metrics = checkpoint.metrics.slice(0, 3);
    const [first] = metrics;
    if (first) metrics[0] = { ...first, loss: NaN, grad_norm: NaN, eval_loss: NaN, skipped: true };
    const unevaluated = checkpoint.metrics[3] ?? null;
    const changed = { ...checkpoint, metrics, unevaluated };
    expect(await decode(partsOf(await encodeCheckpoint(changed)))).toEqual(changed);
  });

  test('ends with the header, which names the SHA-256 of every other part', () => {
    expect(files.map(({ name }) => name)).toEqual([
      'parameters.safetensors',
      'first_moments.safetensors',
      'second_moments.safetensors',
      'metrics.jsonl',
      'checkpoint.json',
    ]);
    const header = textOf(files.at(-1)?.bytes);
    for (const { bytes } of files.slice(0, -1)) expect(header).toContain(sha256(bytes));
    expect(header).toContain(sha256(JSON.stringify((JSON.parse(header) as { run: object }).run)));
  });
});

describe('a damaged checkpoint', () => {
  test('any flipped bit in any part is an InputError', async () => {
    const place = fc.tuple(fc.nat(4), fc.nat(), fc.nat(7));
    await fc.assert(
      fc.asyncProperty(place, async ([part, position, bit]) => {
        const { name, bytes } = files[part] ?? { name: '', bytes: new Uint8Array() };
        const damaged = bytes.slice();
        const index = position % damaged.length;
        damaged[index] = (damaged[index] ?? 0) ^ (1 << bit);
        // White space at the end of the header says nothing; all else does.
        fc.pre(name !== 'checkpoint.json' || index < damaged.length - 1);
        const run = decode({ ...partsOf(files), [name]: damaged });
        await expect(run).rejects.toThrow(InputError);
      }),
      { numRuns: 300 },
    );
  });

  test('any part cut short is an InputError that names it', async () => {
    for (const { name, bytes } of files) {
      for (const length of [0, 1, bytes.length >> 1, bytes.length - 2]) {
        const run = decode({ ...partsOf(files), [name]: bytes.slice(0, length) });
        await expect(run).rejects.toThrow(InputError);
        await expect(run).rejects.toThrow(name);
      }
    }
  });

  test('any missing part is an InputError that names it', async () => {
    for (const { name } of files) {
      const others = files.filter((file) => file.name !== name);
      await expect(decode(partsOf(others))).rejects.toThrow(name);
    }
  });

  test('parts of two checkpoints do not make one', async () => {
    const other = await encodeCheckpoint({
      ...checkpoint,
      state: {
        ...checkpoint.state,
        firstMoments: checkpoint.state.firstMoments.map((values) => values.map((v) => v + 1)),
      },
    });
    const mixed = { ...partsOf(files), ...partsOf(other.slice(1, 2)) };
    await expect(decode(mixed)).rejects.toThrow(/^first_moments\.safetensors: .*damaged/);
  });
});

describe('a hostile checkpoint with right hashes', () => {
  test.each<[string, (run: Record<string, unknown>) => unknown, RegExp]>([
    ['a step after the last', (run) => (run.totalSteps = 3), /step is 4; it must be from 0 to 3/],
    ['a setting out of range', (run) => (run.config = { r: -1 }), /r is -1; it must be/],
    ['an unknown setting', (run) => (run.config = { speed: 1 }), /unknown key "speed"/],
    ['no cursor', (run) => delete run.cursor, /cursor is missing; it must be an object/],
    [
      'a cursor before the data',
      (run) => (run.cursor = { epoch: 0, microBatch: -1 }),
      /microBatch is -1/,
    ],
    ['a time that is none', (run) => (run.seconds = 'long'), /seconds is "long"; it must be/],
    ['no parts', (run) => (run.parts = []), /has no part metrics\.jsonl/],
    ['parameters that are no list', (run) => (run.parameters = 7), /parameters is 7; it must be/],
    [
      'a parameter of another shape',
      (run) => (run.parameters = [{ name: 'embedding', shape: [3, 7] }]),
      /has 3 tensors, but the run trains 1/,
    ],
    [
      'a parameter that is not there',
      (run) =>
        (run.parameters = ['embedding', 'head.weight', 'tail'].map((name) => ({
          name,
          shape: [7, 3],
        }))),
      /"tail" is not there as F32 \[7, 3\]/,
    ],
    [
      'a size that is none',
      (run) => (run.parameters = [{ name: 'embedding', shape: [-7, 3] }]),
      /it must be a list of sizes/,
    ],
    [
      'metrics of other steps',
      (run) =>
        (run.progress = {
          ...(run.progress as object),
          step: 3,
          updates: 3,
          best: null,
        }),
      /metrics\.jsonl: the lines are not those of the steps up to 3/,
    ],
  ])('%s', async (_, change, message) => {
    const run = decode(forged(change));
    await expect(run).rejects.toThrow(InputError);
    await expect(run).rejects.toThrow(message);
  });

  test('values that are not finite', async () => {
    const state = {
      ...checkpoint.state,
      secondMoments: checkpoint.state.secondMoments.map((values) => values.map(() => Infinity)),
    };
    const run = decode(partsOf(await encodeCheckpoint({ ...checkpoint, state })));
    await expect(run).rejects.toThrow(/values that are not finite/);
  });

  test('another format, and a version to come', async () => {
    const header = textOf(files.at(-1)?.bytes);
    const replaced = (from: string, to: string) =>
      decode({
        ...partsOf(files),
        'checkpoint.json': new TextEncoder().encode(header.replace(from, to)),
      });
    await expect(replaced('tunesmith checkpoint', 'other')).rejects.toThrow(/format is "other"/);
    await expect(replaced('"version":1', '"version":2')).rejects.toThrow(
      /format version 2; a newer version of Tunesmith wrote it/,
    );
  });
});

describe('a checkpoint of another run', () => {
  test.each<[string, Parameters<typeof newRun>[0], RegExp]>([
    [
      'another setting',
      { config: { learning_rate: 0.01 } },
      /^the run cannot go on: learning_rate is 0\.01, but the run was started with 0\.05$/,
    ],
    [
      'other data',
      { parts: { identity: { ...IDENTITY, data: 'sha256:1234' } } },
      /data is sha256:1234, but the run was started with sha256:00ff/,
    ],
    ['nothing known', { parts: { identity: {} } }, /model is none, but .* with starter/],
  ])('%s is refused with the first difference', async (_, options, message) => {
    const { trainer } = newRun({
      ...options,
      config: { max_steps: 4, eval_steps: 2, ...options?.config },
      parts: { identity: IDENTITY, ...options?.parts },
    });
    await expect(trainer.restore(checkpoint)).rejects.toThrow(InputError);
    await expect(trainer.restore(checkpoint)).rejects.toThrow(message);
    expect(trainer.step).toBe(0);
  });

  test('another model is refused', async () => {
    const [first, ...others] = checkpoint.parameters;
    const parameters = [{ name: first?.name ?? '', shape: [9, 3] }, ...others];
    const { trainer } = newRun({
      config: { max_steps: 4, eval_steps: 2 },
      parts: { identity: IDENTITY },
    });
    await expect(trainer.restore({ ...checkpoint, parameters })).rejects.toThrow(
      'the model trains embedding [7, 3], but the checkpoint has embedding [9, 3] in its place',
    );
  });

  test('data of another length are refused', async () => {
    const config = { num_train_epochs: 2, max_steps: -1 };
    const first = newRun({ config });
    await first.trainer.run(first.told);
    const second = newRun({ config, examples: randomExamples(40, 1) });
    await expect(second.trainer.restore(first.told.last)).rejects.toThrow(
      /the data now make \d+ steps, but the run was started with \d/,
    );
  });
});

describe('differences', () => {
  test('are none between equals, and the first one else', () => {
    expect(configDifference(smallConfig(), smallConfig())).toBeUndefined();
    expect(configDifference(smallConfig(), smallConfig({ seed: 1, r: 8 }))).toBe(
      'r is 8, but the run was started with 16',
    );
    expect(
      configDifference(smallConfig(), smallConfig({ target_modules: ['q_proj', 'v_proj'] })),
    ).toMatch(/^target_modules is \["q_proj","v_proj"\], but/);
    expect(identityDifference({ a: '1' }, { a: '1' })).toBeUndefined();
    expect(identityDifference({ a: '1' }, { a: '1', b: '2' })).toBe(
      'b is 2, but the run was started with none',
    );
  });
});
