import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIXTURES, headless, temporaryFolder } from './terminal';

const MODEL = join(FIXTURES, 'formats/sharded');
const ADAPTER = join(FIXTURES, 'formats/adapter');
const CALL = ['export', '--model', MODEL, '--adapter', ADAPTER];

describe('export', () => {
  it('writes the adapter that it read, where the caller stands', async () => {
    const folder = temporaryFolder();
    const answer = await headless(folder, ...CALL, '--format', 'peft', '--out', 'made/adapter');
    expect(answer).toMatchObject({ code: 0, stdout: '{"out":"made/adapter"}\n' });
    const name = 'adapter_model.safetensors';
    expect(readFileSync(join(folder, 'made/adapter', name))).toEqual(
      readFileSync(join(ADAPTER, name)),
    );
    const config: unknown = JSON.parse(
      readFileSync(join(folder, 'made/adapter/adapter_config.json'), 'utf8'),
    );
    expect(config).toMatchObject({ peft_type: 'LORA', r: 2, lora_alpha: 6, use_rslora: true });
    const card = readFileSync(join(folder, 'made/adapter/README.md'), 'utf8');
    expect(card).toMatch(/^---\nbase_model: ".*"\nlibrary_name: peft\n/);
    expect(card).toContain('PeftModel.from_pretrained(model,');
  });

  it.each([
    [['--format', 'mlx'], 'not there yet'],
    [['--format', 'merged-gguf', '--dtype', 'q4_k'], 'not there yet'],
    [['--format', 'peft', '--dtype', 'f16'], '--dtype is for merged models'],
    [['--format', 'gguf-lora', '--dtype', 'q8_0'], '--dtype is for merged models'],
    [['--format', 'merged-safetensors', '--dtype', 'q4_0'], 'is a GGUF type'],
    [['--format', 'onnx'], '--format is "onnx"'],
    [[], '--format is missing'],
  ])('%j is refused and writes nothing', async (words, message) => {
    const folder = temporaryFolder();
    const answer = await headless(folder, ...CALL, '--out', 'made', ...words);
    expect(answer.code).toBe(2);
    expect(answer.last).toContain(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('names the file at fault of a model and of an adapter', async () => {
    const folder = temporaryFolder();
    const call = ['export', '--format', 'peft', '--out', 'made'];
    const noModel = await headless(folder, ...call, '--model', '.', '--adapter', ADAPTER);
    expect([noModel.code, noModel.last]).toEqual([2, expect.stringContaining('config.json')]);
    const noAdapter = await headless(folder, ...call, '--model', MODEL, '--adapter', '.');
    expect([noAdapter.code, noAdapter.last]).toEqual([
      2,
      expect.stringContaining('adapter_config.json'),
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
