import { describe, expect, test } from 'vitest';
import { BUILT_IN_TEMPLATES } from '../../src/data/chat-templates';
import { repeatsRepetition } from '../../src/data/regex-guard';
import { excerpt, tokenPieces } from '../../src/data/token-view';
import { encodePrompt, loadTokenizer } from '../../src/data/tokenizer';
import { memoryFolder } from '../../src/formats/byte-source';
import { fixtureTokenizer } from './tokenizers';

const TINY = {
  version: '1.0',
  added_tokens: [{ id: 3, content: '<e>', special: true }],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] },
};

function load(tokenizer: unknown, config: unknown = {}, more: Record<string, string> = {}) {
  return loadTokenizer(
    memoryFolder('m', {
      'tokenizer.json': typeof tokenizer === 'string' ? tokenizer : JSON.stringify(tokenizer),
      'tokenizer_config.json': JSON.stringify(config),
      ...more,
    }),
  );
}

describe('loadTokenizer', () => {
  test('takes special tokens and templates from wherever a folder has them', async () => {
    const tokenizer = await load(
      TINY,
      { eos_token: { content: '<e>' }, chat_template: 'old' },
      { 'special_tokens_map.json': '{"bos_token":"a"}', 'chat_template.jinja': 'new' },
    );
    expect(tokenizer).toMatchObject({
      vocabSize: 4,
      bosToken: 'a',
      bosTokenId: 0,
      eosToken: '<e>',
      eosTokenId: 3,
      chatTemplate: 'new',
    });
    expect(tokenizer.encode('abb<e>', { addSpecialTokens: false })).toEqual([2, 1, 3]);
  });

  test('chooses among named templates by whether there are tools', async () => {
    const tokenizer = await load(TINY, {
      chat_template: [
        { name: 'default', template: 'plain' },
        { name: 'tool_use', template: 'tools: {{ tools | length }}' },
      ],
    });
    const template = tokenizer.chatTemplate ?? '';
    const render = (tools?: unknown[]) =>
      tokenizer.renderChat([], { template, addGenerationPrompt: false, tools });
    expect(render()).toBe('plain');
    expect(render([{ name: 'f' }])).toBe('tools: 1');
  });

  test.each([
    ['{', {}, 'tokenizer.json: the file is not JSON'],
    ['[]', {}, 'tokenizer.json: the file should hold one JSON object'],
    [{}, {}, 'tokenizer.json: the key "model" is missing'],
    [{ ...TINY, model: {} }, {}, 'tokenizer.json: "model" should have a "vocab"'],
    [
      { ...TINY, model: { vocab: { a: 1e9 } } },
      {},
      'tokenizer.json: the token "a" has no usable id',
    ],
    [{ ...TINY, added_tokens: {} }, {}, 'tokenizer.json: "added_tokens" should be a list'],
    [
      { ...TINY, model: { type: 'BPE', vocab: {} } },
      {},
      'tokenizer.json: the tokenizer cannot be used',
    ],
    [{ ...TINY, normalizer: { type: 'Evil' } }, {}, 'tokenizer.json: the tokenizer cannot be used'],
    [TINY, { eos_token: '<x>' }, 'eos_token is "<x>", which is no token of tokenizer.json'],
    [TINY, { chat_template: 5 }, '"chat_template" should be a text or a list of named texts'],
    [TINY, { chat_template: 'x'.repeat(300_000) }, 'the chat template has 300000 characters'],
    [
      { ...TINY, pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' } } },
      {},
      'repeats a repetition',
    ],
  ])('refuses %j with %j', async (tokenizer, config, message) => {
    await expect(load(tokenizer, config)).rejects.toThrow(message);
  });

  test('refuses so many added tokens that making the tokenizer would take minutes', async () => {
    const added_tokens = Array.from({ length: 100_001 }, (_, id) => ({ id, content: `<${id}>` }));
    await expect(load({ ...TINY, added_tokens })).rejects.toThrow(
      'tokenizer.json: "added_tokens" has 100001 tokens, more than the 100000 that can be used',
    );
  });

  test('names the file that a folder lacks', async () => {
    await expect(loadTokenizer(memoryFolder('m', {}))).rejects.toThrow(
      /^tokenizer\.json: the folder "m"/,
    );
  });
});

test('repeatsRepetition knows what real tokenizers use from what hangs', async () => {
  for (const pattern of ['(a+)+', '(?:x|(\\d*)){2,}', '((ab)*c)*', '(?:[a-z]+\\s?)*$']) {
    expect(repeatsRepetition(pattern), pattern).toBe(true);
  }
  const real = [
    "(?i:'s|'t|'re)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+|\\s+",
    '[(]+[)]+(?:a+)?(b|c)+[\\]*(]+',
  ];
  for (const pattern of real) expect(repeatsRepetition(pattern), pattern).toBe(false);
  await expect(fixtureTokenizer('llama')).resolves.toBeDefined();
});

describe('a hostile template is refused in time', () => {
  test.each([
    ['{% for i in range(1000000000) %}x{% endfor %}', 'too long a list'],
    ['{{ range(0, -1000000000, -1) }}', 'too long a list'],
    [
      '{% set n = namespace(x="ab") %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}',
      'too long a text',
    ],
    [
      '{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}',
      'too long a list',
    ],
    [
      '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{{ i }}{% endfor %}',
      'too long',
    ],
    [
      // Forty lists, each of which holds the one before it twice: 2^40 items to print.
      '{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}',
      'runs too long',
    ],
    [
      '{% set n = namespace(x="a") %}{% for i in range(19) %}{% set n.x = n.x ~ n.x %}{% endfor %}{% for i in range(30000) %}{% set y = n.x | upper %}{% endfor %}',
      'runs too long',
    ],
    ['{% set x = range(99999) %}{% for i in x %}{% set y = 0 in x %}{% endfor %}', 'runs too long'],
    [
      '{% set n = namespace(x="a") %}{% for i in range(19) %}{% set n.x = n.x ~ n.x %}{% endfor %}{% for i in range(30000) %}{% set y = n.x.upper() %}{% endfor %}',
      'runs too long',
    ],
    [' '.repeat(250_000) + '{{ 1 }}', '1000 spaces in a row'],
    ['{{ raise_exception("roles must alternate") }}', 'roles must alternate'],
    ['{% if %}', 'Unexpected token'],
  ])('%s', async (template, message) => {
    const tokenizer = await fixtureTokenizer('starter');
    const render = () => tokenizer.renderChat([], { template, addGenerationPrompt: false });
    expect(render).toThrow(/^the chat template cannot render this conversation/);
    expect(render).toThrow(message);
  });
});

test('dates in templates are English, and None, tools and special tokens are what transformers passes', async () => {
  const tokenizer = await fixtureTokenizer('starter');
  const template =
    '{{ strftime_now("%d %b %Y") }}|{{ tools is none }}|{{ bos_token }}|{{ add_generation_prompt }}';
  const now = new Date();
  const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
  const today = `${String(now.getDate()).padStart(2, '0')} ${months[now.getMonth()]} ${now.getFullYear()}`;
  expect(tokenizer.renderChat([], { template, addGenerationPrompt: true })).toMatch(
    new RegExp(`^${today}\\|true\\|<\\|begin_of_text\\|>\\|true$`, 'i'),
  );
});

test('templates compare as in Python', async () => {
  const tokenizer = await fixtureTokenizer('tiny');
  // Each is what Jinja in Python makes of it.
  const comparisons = [
    ["'' == false", 'False'],
    ["' ' != false", 'True'],
    ["'0' == 0", 'False'],
    ["'1' == true", 'False'],
    ['1 == true', 'True'],
    ['0 != false', 'False'],
    ['1 == 1.0', 'True'],
    ['missing == none', 'False'],
    ['none == none', 'True'],
    ["'a' == 'a'", 'True'],
    ["messages[0]['content'] != false", 'True'],
  ];
  const template = comparisons.map(([left]) => `{{ 'True' if ${left} else 'False' }}`).join(' ');
  const rendered = tokenizer.renderChat([{ role: 'system', content: '' }], {
    template,
    addGenerationPrompt: false,
  });
  expect(rendered).toBe(comparisons.map(([, right]) => right).join(' '));
});

test('generation blocks, which transformers adds to Jinja, render what is in them', async () => {
  const tokenizer = await fixtureTokenizer('starter');
  const template = 'a \n{%- generation %}\nb{% endgeneration -%}\n c';
  expect(tokenizer.renderChat([], { template, addGenerationPrompt: false })).toBe('abc');
});

test('built-in templates end with the generation prompt when asked, and go without a beginning-of-text where there is none', async () => {
  const tokenizer = await load(TINY);
  const render = (name: keyof typeof BUILT_IN_TEMPLATES) =>
    tokenizer.renderChat([{ role: 'user', content: ' q ' }], {
      template: BUILT_IN_TEMPLATES[name],
      addGenerationPrompt: true,
    });
  expect(render('llama3')).toBe(
    '<|start_header_id|>user<|end_header_id|>\n\nq<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
  );
  expect(render('chatml')).toBe('<|im_start|>user\n q <|im_end|>\n<|im_start|>assistant\n');
  expect(render('alpaca')).toBe(
    'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\n q \n\n### Response:\n',
  );
});

test('encodePrompt never begins a text twice', async () => {
  const tokenizer = await fixtureTokenizer('llama');
  const once = encodePrompt(tokenizer, 'Hi');
  expect(once[0]).toBe(128000);
  expect(encodePrompt(tokenizer, '<|begin_of_text|>Hi')).toEqual(once);
});

describe('the token view', () => {
  test('gives a character that several tokens share to the first of them', async () => {
    const tokenizer = await fixtureTokenizer('llama');
    const text = '<|begin_of_text|>né 👨‍👩‍👧 漢𐍈!';
    const ids = Uint32Array.from(tokenizer.encode(text, { addSpecialTokens: false }));
    const labels = Int32Array.from(ids, (id, at) => (at < 3 && at > 0 ? -100 : id));
    const pieces = tokenPieces({ inputIds: ids, labels }, tokenizer);
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    expect(pieces.map((piece) => piece.id)).toEqual([...ids]);
    expect(pieces.some((piece) => piece.text === '')).toBe(true);
    expect(pieces[0]).toEqual({
      id: 128000,
      text: '<|begin_of_text|>',
      trained: false,
      special: true,
    });
    expect(pieces.slice(1, 4).map((piece) => piece.trained)).toEqual([false, false, true]);
  });

  test('shows bytes that are no character, and numbers where there is no tokenizer', async () => {
    const tokenizer = await fixtureTokenizer('llama');
    const [, half = 0] = tokenizer.encode('𐍈', { addSpecialTokens: false });
    const labels = Int32Array.of(-100, half);
    const pieces = tokenPieces({ inputIds: Uint32Array.of(half, half), labels }, tokenizer);
    for (const { text } of pieces) expect(text).toMatch(/^\ufffd+$/);
    const bare = tokenPieces({ inputIds: Uint32Array.of(7, 8), labels }, null);
    expect(bare.map(({ text }) => text)).toEqual(['7', '8']);
  });

  test('gives an excerpt on one line', async () => {
    const tokenizer = await fixtureTokenizer('starter');
    const ids = Uint32Array.from(
      tokenizer.encode('one\n\n two three', { addSpecialTokens: false }),
    );
    expect(excerpt(ids, tokenizer, 40)).toBe('one two three');
    expect(excerpt(ids, tokenizer, 6)).toBe('one t…');
  });
});
