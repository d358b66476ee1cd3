import { describe, expect, it } from 'vitest';
import { parseTrainingConfig, type TrainingConfig } from '../../src/config';
import { InputError } from '../../src/errors';
import { parseLlamaConfig } from '../../src/formats/llama-config';
import { plainDevice, predictMemory } from '../../src/model/memory';
import { PlannedTraining } from '../../src/model/planned-training';
import { describeConfig, forecast as forecastOn, runMemory } from '../../src/worker/forecast';
import { GENERATION_CAPACITY } from '../../src/worker/loaded-run';
import { exampleSource } from '../train/training-bench';

const MODEL = parseLlamaConfig(
  {
    architectures: ['LlamaForCausalLM'],
    vocab_size: 512,
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    tie_word_embeddings: true,
  },
  'config.json',
);
const DESCRIPTION = describeConfig(MODEL, false);

const config = (settings: Partial<TrainingConfig> = {}) => parseTrainingConfig(settings);
const bytes = (settings: Partial<TrainingConfig>, rows: number, rowLength: number) =>
  runMemory(DESCRIPTION, config(settings), { rows, rowLength }, false).total_bytes;

/** On a GPU with so much memory and no 16-bit floats. */
const forecast = (
  description: typeof DESCRIPTION,
  settings: TrainingConfig,
  dataset: ReturnType<typeof data> | null,
  budgetBytes: number,
  maxBindingBytes = Infinity,
) => forecastOn(description, settings, dataset, { budgetBytes, maxBindingBytes, f16: false });

const ENDLESS = { budgetBytes: Infinity, maxBindingBytes: Infinity };

/** So many examples of so many tokens. */
const data = (examples: number, length: number) =>
  exampleSource(
    Array.from({ length: examples }, () => {
      const ids = Array.from({ length }, (_, id) => id);
      return { input_ids: ids, labels: ids };
    }),
  );

describe('the forecast of a run', () => {
  it('counts what training and what writing samples takes', () => {
    const settings = config();
    const batch = { rows: 1, rowLength: 512 };
    const { memory } = forecast(DESCRIPTION, settings, null, Infinity);
    const training = predictMemory(DESCRIPTION, settings, batch, plainDevice(false));
    expect(memory.total_bytes).toBeGreaterThan(training.total_bytes);
    expect(memory.weights_bytes).toBe(training.weights_bytes);
    expect(memory.optimizer_bytes).toBe(training.optimizer_bytes);
  });

  it('counts what a GPU with 16-bit floats keeps in half the space', () => {
    const settings = config({ gradient_checkpointing: false });
    const memoryOn = (f16: boolean) =>
      forecastOn(DESCRIPTION, settings, null, { ...ENDLESS, f16 }).memory;
    const [half, whole] = [memoryOn(true), memoryOn(false)];
    // Two bytes less a number: q, k, v and attention, each as wide as the stream here, gate and up; of every token and layer.
    const saved = 2 * 512 * 4 * (4 * 64 + 2 * 128);
    expect(whole.activations_bytes - half.activations_bytes).toBe(saved);
    // Keys and values of as many tokens as a run's samples may have.
    const cached = 2 * GENERATION_CAPACITY * 4 * (2 * 64);
    expect(whole.workspace_bytes - half.workspace_bytes).toBe(cached);
  });

  it('takes the longest rows that the configuration allows, until it knows shorter data', () => {
    const total = (source: ReturnType<typeof data> | null) =>
      forecast(DESCRIPTION, config({ packing: false }), source, Infinity).memory.total_bytes;
    expect(total(null)).toBe(bytes({ packing: false }, 1, 512));
    expect(total(data(3, 40))).toBe(bytes({ packing: false }, 1, 40));
  });

  it('knows the steps only with data', () => {
    const settings = { num_train_epochs: 2, gradient_accumulation_steps: 2, max_seq_length: 64 };
    expect(forecast(DESCRIPTION, config(settings), null, Infinity).steps).toBeNull();
    // Six rows are three steps, twice.
    expect(forecast(DESCRIPTION, config(settings), data(6, 64), Infinity).steps).toBe(6);
    // One of them is held out: five rows are three steps too, four are two.
    const held = (fraction: number) =>
      forecast(DESCRIPTION, config({ ...settings, eval_fraction: fraction }), data(6, 64), Infinity)
        .steps;
    expect(held(1 / 6)).toBe(6);
    expect(held(2 / 6)).toBe(4);
  });

  it('finds that it fits, to the byte', () => {
    const needed = bytes({}, 1, 512);
    expect(forecast(DESCRIPTION, config(), null, needed)).toMatchObject({
      verdict: 'fits',
      remedy: {},
    });
    expect(forecast(DESCRIPTION, config(), null, needed - 1).verdict).not.toBe('fits');
  });

  it('offers checkpointing where that is enough, and shorter rows where it is not', () => {
    const without = { gradient_checkpointing: false, micro_batch_size: 2 };
    const checkpointed = bytes({ micro_batch_size: 2 }, 2, 512);
    expect(checkpointed).toBeLessThan(bytes(without, 2, 512));
    expect(forecast(DESCRIPTION, config(without), null, checkpointed)).toMatchObject({
      verdict: 'fits-with-checkpointing',
      remedy: { gradient_checkpointing: true },
    });
    const shorter = bytes({}, 1, 256);
    const verdict = forecast(DESCRIPTION, config(without), null, shorter);
    expect(verdict).toMatchObject({
      verdict: 'fits-with-shorter-sequence',
      remedy: { gradient_checkpointing: true, micro_batch_size: 1, max_seq_length: 256 },
    });
    // The remedy taken, it fits.
    const cured = config({ ...without, ...verdict.remedy });
    expect(forecast(DESCRIPTION, cured, null, shorter).verdict).toBe('fits');
  });

  it('finds a model too large where not even 128 tokens fit', () => {
    const smallest = bytes({}, 1, 128);
    expect(forecast(DESCRIPTION, config(), null, smallest).remedy.max_seq_length).toBe(128);
    expect(forecast(DESCRIPTION, config(), null, smallest - 1)).toMatchObject({
      verdict: 'too-large',
      remedy: {},
    });
  });

  it('finds that a GPU with enough memory cannot work on so many tokens at once', () => {
    const settings = config({ micro_batch_size: 64, max_seq_length: 4096 });
    // The widest activations have the feed-forward's 128 columns, in f32.
    const widest = 64 * 4096 * 128 * 4;
    expect(forecast(DESCRIPTION, settings, null, Infinity, widest).verdict).toBe('fits');
    const narrow = forecast(DESCRIPTION, settings, null, Infinity, widest - 1);
    expect(narrow.verdict).toBe('fits-with-shorter-sequence');
    const batch = { rows: 64, rowLength: 4096 };
    const planned = new PlannedTraining(DESCRIPTION, settings, batch, plainDevice(false));
    // 128 MiB are what every WebGPU device allows, and just enough here.
    expect(() => planned.checkBindings()).not.toThrow();
    const longer = { rows: 64, rowLength: 4097 };
    const refused = new PlannedTraining(DESCRIPTION, settings, longer, plainDevice(false));
    expect(() => refused.checkBindings()).toThrow(
      /takes 129 MiB, more than the 128 MiB that this GPU works on at once; take a smaller micro_batch_size/,
    );
  });

  it('says what to do about more tokens than any GPU could be given', () => {
    const absurd = config({ micro_batch_size: 4096, max_seq_length: 2 ** 20 });
    expect(() => forecast(DESCRIPTION, absurd, null, Infinity)).toThrow(
      /more than a GPU launches at once; take a smaller micro_batch_size or a shorter max_seq_length$/,
    );
  });

  it('offers fewer rows where data are short already, and cutting them would not help', () => {
    const rows = { micro_batch_size: 8, packing: false };
    const source = data(20, 40);
    const verdict = forecast(DESCRIPTION, config(rows), source, bytes({ packing: false }, 1, 40));
    expect(verdict.verdict).toBe('fits-with-shorter-sequence');
    const cured = config({ ...rows, ...verdict.remedy });
    expect(forecast(DESCRIPTION, cured, source, bytes({ packing: false }, 1, 40)).verdict).toBe(
      'fits',
    );
  });

  it('refuses data of which nothing is left to train on', () => {
    expect(() => forecast(DESCRIPTION, config({ eval_fraction: 0.5 }), data(1, 8), 1e9)).toThrow(
      InputError,
    );
  });
});

describe('a model before its files are here', () => {
  it('has dense weights, or its linears in NF4 and nothing else', () => {
    const names = ['model.layers.0.self_attn.q_proj.weight', 'model.embed_tokens.weight'];
    expect(names.map((name) => describeConfig(MODEL, false).stored(name))).toEqual([
      'bf16',
      'bf16',
    ]);
    expect(names.map((name) => describeConfig(MODEL, true).stored(name))).toEqual(['nf4', 'bf16']);
  });
});
