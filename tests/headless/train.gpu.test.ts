import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { planRun } from '../../src/headless/run-plan';
import { FIXTURES, headless, ROOT, temporaryFolder, writeFiles } from './terminal';

const MODEL = join(FIXTURES, 'model/base');
const ADAPTER = join(FIXTURES, 'model/adapter');
const WEIGHTS = 'adapter_model.safetensors';

/** Some examples of 5 to 12 tokens below the model's vocabulary of 61. */
const dataset = Array.from({ length: 9 }, (_, example) => {
  const ids = Array.from(
    { length: 5 + (example % 8) },
    (__, t) => 3 + ((7 * example + 5 * t) % 50),
  );
  return `${JSON.stringify({ input_ids: ids, labels: ids })}\n`;
}).join('');

const config = {
  r: 4,
  lora_dropout: 0.1,
  learning_rate: 1e-2,
  max_steps: 6,
  gradient_accumulation_steps: 2,
  max_seq_length: 16,
  eval_fraction: 0.2,
  eval_steps: 3,
  save_steps: 2,
};

function input(settings: object = config): string {
  const folder = temporaryFolder();
  writeFiles(folder, { 'd.jsonl': dataset, 'c.json': JSON.stringify(settings) });
  return folder;
}

const CALL = ['train', '--model', MODEL, '--data', 'd.jsonl', '--config', 'c.json'];

const metricsOf = (run: string) =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>);

const withoutSeconds = (metrics: Record<string, number>[]) =>
  metrics.map((line) => ({ ...line, seconds: 0 }));

describe('train', () => {
  let folder: string;
  let answer: Awaited<ReturnType<typeof headless>>;
  let run: string;
  beforeAll(async () => {
    folder = temporaryFolder();
    writeFiles(folder, { 'd.jsonl': dataset, 'c.json': JSON.stringify(config) });
    answer = await headless(folder, ...CALL, '--out', 'made/run');
    run = join(folder, 'made/run');
  });

  it('writes an adapter with its card, metrics and a checkpoint', () => {
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.stdout)).toMatchObject({ out: 'made/run', steps: 6, skipped: 0 });
    expect(readdirSync(run).sort()).toEqual(
      ['README.md', 'adapter_config.json', WEIGHTS, 'checkpoint', 'metrics.jsonl'].sort(),
    );
    const written = JSON.parse(readFileSync(join(run, 'adapter_config.json'), 'utf8')) as object;
    expect(written).toMatchObject({ r: 4, base_model_name_or_path: MODEL, inference_mode: true });
  });

  it('writes a line of metrics a step, and evaluates when it is due', () => {
    const metrics = metricsOf(run);
    expect(metrics.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    const evaluated = metrics.filter(({ eval_loss: loss }) => loss !== undefined);
    expect(evaluated.map(({ step }) => step)).toEqual([3, 6]);
    expect(metrics.at(-1)?.loss).toBeLessThan(metrics[0]?.loss ?? NaN);
    // Cosine without warm-up: the first update has the whole rate.
    expect(metrics[0]?.learning_rate).toBe(config.learning_rate);
  });

  it('is the same, bit for bit, when it is run again', async () => {
    const again = await headless(folder, ...CALL, '--out', 'again');
    expect(again.code).toBe(0);
    expect(readFileSync(join(folder, 'again', WEIGHTS))).toEqual(readFileSync(join(run, WEIGHTS)));
  });

  it('killed in the middle and resumed ends bit-identical to a run that never stopped', async () => {
    await killAfterStep(3, folder, 'killed');
    const killed = join(folder, 'killed');
    expect(existsSync(join(killed, WEIGHTS))).toBe(false);
    const resumed = await headless(folder, 'train', '--out', 'killed', '--resume');
    expect(resumed.code).toBe(0);
    expect(readFileSync(join(killed, WEIGHTS))).toEqual(readFileSync(join(run, WEIGHTS)));
    expect(withoutSeconds(metricsOf(killed))).toEqual(withoutSeconds(metricsOf(run)));
    expect(readdirSync(killed).sort()).toEqual(readdirSync(run).sort());
  });

  it.each(['.next', '.previous'])(
    'resumes from what an exchange of checkpoints left as %s',
    async (ending) => {
      const copy = join(temporaryFolder(), 'run');
      cpSync(run, copy, { recursive: true });
      renameSync(join(copy, 'checkpoint'), join(copy, `checkpoint${ending}`));
      const resumed = await headless(folder, 'train', '--out', copy, '--resume');
      expect(resumed.code).toBe(0);
      expect(readFileSync(join(copy, WEIGHTS))).toEqual(readFileSync(join(run, WEIGHTS)));
    },
  );

  it.each([
    ['other data', ['--data', 'other.jsonl'], '--data is '],
    ['another precision', ['--precision', 'f32'], '--precision is f32'],
    ['another configuration', ['--config', 'other.json'], 'learning_rate is 0.5'],
    ['an adapter', ['--adapter', ADAPTER], '--adapter is '],
    ['another model', ['--model', join(FIXTURES, 'formats/sharded')], '--model is '],
  ])('does not resume with %s, and names the difference', async (_, words, message) => {
    const other = { ...config, learning_rate: 0.5 };
    writeFiles(folder, { 'other.jsonl': `${dataset}\n`, 'other.json': JSON.stringify(other) });
    const before = readFileSync(join(run, 'checkpoint/checkpoint.json'));
    const { code, last } = await headless(folder, 'train', '--out', run, '--resume', ...words);
    expect([code, last]).toEqual([2, expect.stringContaining(message)]);
    expect(readFileSync(join(run, 'checkpoint/checkpoint.json'))).toEqual(before);
  });

  it('ends with one sentence and writes nothing where the GPU cannot work on so much at once', async () => {
    const large = input({
      ...config,
      packing: false,
      micro_batch_size: 4096,
      max_seq_length: 2 ** 16,
    });
    writeFiles(large, {
      'd.jsonl':
        `${JSON.stringify({ input_ids: Array<number>(2 ** 16).fill(3), labels: Array<number>(2 ** 16).fill(3) })}\n`.repeat(
          3,
        ),
    });
    const refused = await headless(large, ...CALL, '--out', 'run');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.last).toMatch(/^tunesmith: .* take a smaller micro_batch_size or a shorter/);
    expect(existsSync(join(large, 'run'))).toBe(false);
  });

  it('refuses another configuration before anything is loaded', async () => {
    const other = join(temporaryFolder(), 'other.json');
    writeFileSync(other, JSON.stringify({ ...config, learning_rate: 0.5 }));
    const planned = planRun({
      model: undefined,
      data: undefined,
      config: other,
      adapter: undefined,
      precision: undefined,
      out: run,
      resume: true,
    });
    await expect(planned).rejects.toThrow('learning_rate is 0.5');
  });

  it('goes on from an adapter, whose settings the configuration may leave out', async () => {
    writeFiles(folder, { 'on.json': '{"max_steps": 1, "max_seq_length": 16}' });
    const call = ['train', '--model', MODEL, '--data', 'd.jsonl', '--config', 'on.json'];
    const on = await headless(folder, ...call, '--adapter', ADAPTER, '--out', 'on');
    expect(on.code).toBe(0);
    const written = readFileSync(join(folder, 'on/adapter_config.json'), 'utf8');
    expect(JSON.parse(written)).toMatchObject({ r: 4, lora_alpha: 6 });
    const other = await headless(folder, ...CALL, '--adapter', ADAPTER, '--out', 'other');
    expect([other.code, other.last]).toEqual([0, expect.any(String)]);
    writeFiles(folder, { 'r.json': '{"r": 8}' });
    const words = ['train', '--model', MODEL, '--data', 'd.jsonl', '--config', 'r.json'];
    const refused = await headless(folder, ...words, '--adapter', ADAPTER, '--out', 'refused');
    expect([refused.code, refused.last]).toEqual([2, expect.stringContaining('r is 8')]);
  });
});

/** Starts the run and kills it, without any warning, when its metrics have that step. */
async function killAfterStep(step: number, folder: string, out: string): Promise<void> {
  const child = spawn(process.execPath, [join(ROOT, 'tools/headless.mjs'), ...CALL, '--out', out], {
    env: { ...process.env, INIT_CWD: folder },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const metrics = join(folder, out, 'metrics.jsonl');
  const hasStep = () =>
    existsSync(metrics) && readFileSync(metrics, 'utf8').includes(`"step":${step},`);
  while (child.exitCode === null && !hasStep()) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  child.kill('SIGKILL');
  await ended;
}

describe('full fine-tuning', () => {
  it('writes a model folder that can be trained again', async () => {
    const folder = input({ ...config, method: 'full', max_steps: 2, r: 16, lora_dropout: 0 });
    const first = await headless(folder, ...CALL, '--out', 'tuned');
    expect(first.code).toBe(0);
    const files = ['config.json', 'generation_config.json', 'model.safetensors', 'README.md'];
    expect(readdirSync(join(folder, 'tuned'))).toEqual(expect.arrayContaining(files));
    const call = ['--data', 'd.jsonl', '--config', 'c.json'];
    const before = await headless(folder, 'evaluate', '--model', MODEL, ...call);
    const after = await headless(folder, 'evaluate', '--model', 'tuned', ...call);
    const lossOf = ({ stdout }: typeof after) => (JSON.parse(stdout) as { loss: number }).loss;
    expect(lossOf(after)).toBeLessThan(lossOf(before));
  });
});

describe('a run that cannot begin', () => {
  it.each([
    [['--config', 'none.json'], 'none.json'],
    [['--out', 'd.jsonl'], 'd.jsonl: --out'],
    [['--out', '.'], '--out names what exists already'],
    [['--out', 'run', '--resume'], 'run: there is no checkpoint'],
    [['--model', '.'], 'config.json'],
    [['--data', 'c.json'], 'c.json'],
    [['--adapter', '.'], 'adapter_config.json'],
  ])('%j is bad input and leaves nothing behind', async (words, message) => {
    const folder = input();
    const call = ['--model', MODEL, '--data', 'd.jsonl', '--config', 'c.json', '--out', 'run'];
    const kept = call.filter((_, index) => !words.includes(call[index - (index % 2)] ?? ''));
    const { code, last } = await headless(folder, 'train', ...kept, ...words);
    expect([code, last]).toEqual([2, expect.stringContaining(message)]);
    expect(readdirSync(folder).sort()).toEqual(['c.json', 'd.jsonl']);
  });

  it('takes an empty folder', async () => {
    const folder = input({ ...config, max_steps: 1 });
    mkdirSync(join(folder, 'run'));
    expect((await headless(folder, ...CALL, '--out', 'run')).code).toBe(0);
  });
});
