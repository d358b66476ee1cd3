import { describe, expect, it } from 'vitest';
import { sortDropped } from '../../../src/app/state/dropped-files';

/** Files by their paths, from the dropped folder on. */
const files = (...paths: string[]) =>
  paths.map((path) => {
    const slash = path.lastIndexOf('/');
    const file = new File(['x'], path.slice(slash + 1));
    return { file, folder: path.slice(0, Math.max(0, slash)) };
  });
const names = (list: File[]) => list.map((file) => file.name);

describe('sortDropped', () => {
  it('takes data in the order of their names, numbers as numbers', () => {
    const { data, model, problems } = sortDropped(
      files('part10.txt', 'part2.txt', 'A.JSONL', '.DS_Store'),
    );
    expect(names(data)).toEqual(['A.JSONL', 'part2.txt', 'part10.txt']);
    expect(model).toBeNull();
    expect(problems).toEqual([]);
  });

  it('takes weights by themselves as a model, and data beside them as data', () => {
    const { data, model, problems } = sortDropped(
      files(
        'config.json',
        'model-00001-of-00002.safetensors',
        'model.safetensors.index.json',
        'tokenizer.json',
        'LICENSE.txt',
        'README.md',
        'train.jsonl',
      ),
    );
    expect(model?.folder).toBe('');
    expect(names(model?.files ?? [])).toEqual([
      'config.json',
      'model-00001-of-00002.safetensors',
      'model.safetensors.index.json',
      'tokenizer.json',
    ]);
    expect(names(data)).toEqual(['train.jsonl']);
    expect(problems).toEqual([]);
  });

  it('takes a folder with weights as a model, and nothing in it as data', () => {
    const { data, model, problems } = sortDropped(
      files(
        'Llama/README.md',
        'Llama/USE_POLICY.md',
        'Llama/config.json',
        'Llama/model.safetensors',
        'Llama/original/params.json',
        'Llama/original/tokenizer.model',
        'Llama/results.json',
        'books/README.md',
      ),
    );
    expect(model?.folder).toBe('Llama');
    expect(names(model?.files ?? [])).toEqual(['config.json', 'model.safetensors']);
    expect(data).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  it('calls a model by the folder that was dropped, and takes one at a time', () => {
    const { data, model, problems } = sortDropped(
      files(
        'models/b/config.json',
        'models/b/model.safetensors',
        'models/a/config.json',
        'models/a/model.safetensors',
        'models/a/onnx/model.safetensors',
      ),
    );
    expect(model?.folder).toBe('models');
    expect(model?.files).toHaveLength(2);
    expect(data).toEqual([]);
    expect(problems).toEqual(['models/b: one model is taken at a time; drop another one alone.']);
  });

  it('takes a config.json without weights as data', () => {
    expect(names(sortDropped(files('config.json')).data)).toEqual(['config.json']);
  });

  it('says what to do about files of other kinds', () => {
    expect(sortDropped(files('a.pdf', 'b.gguf')).problems).toEqual([
      'a.pdf: this kind of file is not read; drop .txt, .md, .json or .jsonl files, or a folder with a model.',
      'b.gguf: this kind of file is not read; GGUF models come later, so drop the folder with its safetensors files instead.',
    ]);
  });

  it('says it once for a folder full of them', () => {
    const { problems } = sortDropped(files('1.png', '2.png', '3.png', '4.png', '5.pdf'));
    expect(problems).toEqual([
      '1.png, 2.png, 3.png and 2 more: this kind of file is not read; drop .txt, .md, .json or .jsonl files, or a folder with a model.',
    ]);
  });
});
