import { describe, expect, it } from 'vitest';
import { sortDropped } from '../../../src/app/state/dropped-files';

const files = (...names: string[]) => names.map((name) => new File(['x'], name));
const names = (list: File[]) => list.map((file) => file.name);

describe('sortDropped', () => {
  it('takes data in the order of their names, numbers as numbers', () => {
    const { data, model, problems } = sortDropped(
      files('part10.txt', 'part2.txt', 'A.JSONL', '.DS_Store'),
    );
    expect(names(data)).toEqual(['A.JSONL', 'part2.txt', 'part10.txt']);
    expect(model).toEqual([]);
    expect(problems).toEqual([]);
  });

  it('takes a folder with weights as a model, its stray files aside', () => {
    const { data, model, problems } = sortDropped(
      files(
        'config.json',
        'model-00001-of-00002.safetensors',
        'model.safetensors.index.json',
        'tokenizer.json',
        'LICENSE',
        'train.jsonl',
      ),
    );
    expect(names(model)).toEqual([
      'config.json',
      'model-00001-of-00002.safetensors',
      'model.safetensors.index.json',
      'tokenizer.json',
    ]);
    expect(names(data)).toEqual(['train.jsonl']);
    expect(problems).toEqual([]);
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
