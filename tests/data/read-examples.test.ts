import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Example } from '../../src/data/examples';
import { readExamples } from '../../src/data/read-examples';
import { readTextDocument } from '../../src/data/text-documents';
import { memorySource } from '../../src/formats/byte-source';

const encoder = new TextEncoder();

async function read(name: string, content: string | Uint8Array) {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  const examples: Example[] = [];
  const problems: string[] = [];
  let bytesDone = 0;
  for await (const item of readExamples(memorySource(name, bytes))) {
    if ('example' in item) examples.push(item.example);
    else problems.push(`${item.problem.file}:${item.problem.line}: ${item.problem.message}`);
    expect(item.bytesDone).toBeGreaterThanOrEqual(bytesDone);
    bytesDone = item.bytesDone;
  }
  return { examples, problems };
}

async function readRow(row: unknown) {
  return read('d.jsonl', JSON.stringify(row));
}

function turns(...messages: [string, string][]) {
  return messages.map(([role, content]) => ({ role, content }));
}

describe('text files', () => {
  test('are one document, byte-order mark dropped and all else kept', async () => {
    const { examples } = await read('a.TXT', '\ufeffone\r\n\r\n two \ufeff\n');
    expect(examples).toEqual([
      {
        kind: 'document',
        text: 'one\r\n\r\n two \ufeff\n',
        spansLines: true,
        before: '',
        after: '',
        ends: true,
        source: 'a.TXT:1',
      },
    ]);
  });

  test('say nothing when empty', async () => {
    expect(await read('a.md', '')).toEqual({ examples: [], problems: [] });
  });

  test('that are not UTF-8 are one problem with the line', async () => {
    const bytes = Uint8Array.of(0x61, 0x0a, 0xc3, 0xa9, 0x0a, 0xe9, 0x0a, 0xff);
    expect(await read('a.txt', bytes)).toEqual({
      examples: [],
      problems: ['a.txt:3: this is not UTF-8, so the file is left out; save it as UTF-8'],
    });
  });

  test('that end inside a character are such a problem too', async () => {
    const { problems } = await read('a.txt', Uint8Array.of(0x0a, 0x0a, 0xe2, 0x82));
    expect(problems).toEqual([
      'a.txt:3: this is not UTF-8, so the file is left out; save it as UTF-8',
    ]);
  });

  test('larger than a block come in parts that add up, cut at blank lines', async () => {
    const text = Array.from({ length: 40 }, (_, n) => `Absatz ${n} — 漢字\nzwei`).join('\n\n');
    const parts: Extract<Example, { kind: 'document' }>[] = [];
    for await (const item of readTextDocument(memorySource('a.txt', encoder.encode(text)), 100)) {
      if ('example' in item && item.example.kind === 'document') parts.push(item.example);
    }
    expect(parts.length).toBeGreaterThan(5);
    expect(parts.map((part) => part.text).join('')).toBe(text);
    expect(parts.map((part) => part.ends)).toEqual(parts.map((_, n) => n === parts.length - 1));
    for (const part of parts.slice(0, -1)) expect(part.text.endsWith('\n\n')).toBe(true);
    let before = '';
    for (const part of parts) {
      expect(part.source).toBe(`a.txt:${before.split('\n').length}`);
      before += part.text;
    }
  });

  test('without line ends are cut between characters', async () => {
    const text = '漢字🇪🇺'.repeat(50);
    let joined = '';
    for await (const item of readTextDocument(memorySource('a.txt', encoder.encode(text)), 37)) {
      if ('example' in item && item.example.kind === 'document') joined += item.example.text;
    }
    expect(joined).toBe(text);
  });
});

describe('JSON files', () => {
  test('mix shapes, skip blank lines and take CRLF', async () => {
    const lines = [
      '\ufeff{"text":"a"}',
      '',
      '  ',
      '{"prompt":"p","completion":"c"}',
      '{"text":"b"}',
    ];
    const { examples, problems } = await read('m.jsonl', lines.join('\r\n'));
    expect(problems).toEqual([]);
    expect(examples.map(({ kind, source }) => [kind, source])).toEqual([
      ['document', 'm.jsonl:1'],
      ['prompt-completion', 'm.jsonl:4'],
      ['document', 'm.jsonl:5'],
    ]);
  });

  test('give the good lines and name the bad ones', async () => {
    const latin1 = Uint8Array.from('{"text":"caf\xe9"}\n', (letter) => letter.charCodeAt(0));
    const good = encoder.encode('{"text":"a"}\n{"text":\n');
    const more = encoder.encode('[1]\n{"text":"\\ud83d"}\n{"texts":"b"}\n{"text":"c"}');
    const { examples, problems } = await read('b.jsonl', Buffer.concat([good, latin1, more]));
    expect(examples.map(({ source }) => source)).toEqual(['b.jsonl:1', 'b.jsonl:7']);
    expect(problems).toEqual([
      'b.jsonl:2: this is not valid JSON',
      'b.jsonl:3: this is not UTF-8; save the file as UTF-8',
      'b.jsonl:4: an example should be a JSON object',
      'b.jsonl:5: "text" has half of a surrogate pair, which is no character',
      expect.stringMatching(/^b\.jsonl:6: an example with the keys "texts" has none of the known/),
    ]);
  });

  test.each([
    ['a list', '[\n{"text":"a"},\n{"text":"b"}]', ['d:2', 'd:3']],
    ['one object', '{\n "text": "a"\n}', ['d:1']],
    ['lines', '{"text":"a"}\n{"text":"b"}\n', ['d:1', 'd:2']],
    ['pretty objects', '{\n"text":"a"}\n{\n"text":"b"}', ['d:1', 'd:3']],
  ])('called .json may be %s', async (_, content, sources) => {
    const { examples, problems } = await read('d.json', content);
    expect(problems).toEqual([]);
    expect(examples.map(({ source }) => source.replace('.json', ''))).toEqual(sources);
  });

  test('called .jsonl may be one list', async () => {
    const { examples } = await read('d.jsonl', '[{"text":"a"},\n{"text":"b"}]');
    expect(examples.map(({ source }) => source)).toEqual(['d.jsonl:1', 'd.jsonl:2']);
  });

  test('that are UTF-16, and files of other kinds, are refused', async () => {
    const utf16 = Uint8Array.of(0xff, 0xfe, 0x7b, 0);
    expect((await read('d.json', utf16)).problems).toEqual([
      'd.json:1: this is not UTF-8; save the file as UTF-8',
    ]);
    expect((await read('d.pdf', '%PDF')).problems).toEqual([
      'd.pdf:undefined: only .txt, .md, .json and .jsonl files can be read',
    ]);
  });

  test('may not have lines of more than 16 MiB', async () => {
    const content = Buffer.alloc((16 << 20) + 20, 'x');
    const { examples, problems } = await read(
      'd.jsonl',
      Buffer.concat([content, Buffer.from('\n{"text":"a"}')]),
    );
    expect(problems).toEqual(['d.jsonl:1: an example may have 16 MiB at most']);
    expect(examples.map(({ source }) => source)).toEqual(['d.jsonl:2']);
  });
});

describe('shapes', () => {
  test.each([
    [
      'Alpaca with history and system',
      { instruction: 'i', input: 'x', output: 'o', system: 's', history: [['u', 'a']] },
      turns(
        ['system', 's'],
        ['user', 'u'],
        ['assistant', 'a'],
        ['user', 'i\nx'],
        ['assistant', 'o'],
      ),
    ],
    [
      'Alpaca without input, its text column passed over',
      { instruction: 'i', input: '', output: 'o', text: 'all' },
      turns(['user', 'i'], ['assistant', 'o']),
    ],
    [
      'ShareGPT with tools',
      {
        conversations: [
          { from: 'human', value: 'u' },
          { from: 'function_call', value: '{}' },
          { from: 'observation', value: '1' },
          { from: 'gpt', value: 'a' },
        ],
        system: 's',
      },
      turns(['system', 's'], ['user', 'u'], ['assistant', '{}'], ['tool', '1'], ['assistant', 'a']),
    ],
    [
      'OpenAI with a list of texts',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'text', text: 'b' },
            ],
          },
        ],
      },
      turns(['user', 'ab']),
    ],
    [
      'OpenOrca',
      { id: 1, system_prompt: '', question: 'q', response: 'r' },
      turns(['user', 'q'], ['assistant', 'r']),
    ],
    [
      'prompt and completion as messages',
      {
        prompt: [{ role: 'user', content: 'p' }],
        completion: [{ role: 'assistant', content: 'c' }],
      },
      turns(['user', 'p'], ['assistant', 'c']),
    ],
  ])('%s', async (_, row, messages) => {
    const { examples, problems } = await readRow(row);
    expect(problems).toEqual([]);
    expect(examples).toEqual([{ kind: 'conversation', messages, source: 'd.jsonl:1' }]);
  });

  test('keep weights, calls and tools', async () => {
    const calls = [{ type: 'function', function: { name: 'f', arguments: {} } }];
    const { examples } = await readRow({
      messages: [
        { role: 'assistant', content: 'x', weight: 0 },
        { role: 'assistant', content: null, tool_calls: calls },
        { role: 'tool', content: '1', tool_call_id: 'c', name: 'f' },
      ],
      tools: '[{"name":"f"}]',
    });
    expect(examples).toEqual([
      {
        kind: 'conversation',
        messages: [
          { role: 'assistant', content: 'x', trained: false },
          { role: 'assistant', content: '', tool_calls: calls },
          { role: 'tool', content: '1', tool_call_id: 'c', name: 'f' },
        ],
        tools: [{ name: 'f' }],
        source: 'd.jsonl:1',
      },
    ]);
  });

  test('pre-tokenised examples keep any label of the vocabulary', async () => {
    const { examples } = await readRow({ input_ids: [1, 2], labels: [-100, 7], source: 'x:3' });
    expect(examples).toEqual([
      { kind: 'tokens', inputIds: [1, 2], labels: [-100, 7], source: 'd.jsonl:1' },
    ]);
  });

  test.each([
    [{ prompt: 'p', chosen: 'a', rejected: 'b' }, '"chosen" makes this preference data'],
    [{ prompt: 'p', completion: 'c', label: false }, '"label" makes this preference data'],
    [{ input_ids: [1, 2], labels: [1] }, '"labels" has 1 entries, but "input_ids" has 2'],
    [{ input_ids: [1, -1], labels: [1, 1] }, '"input_ids" has a negative id'],
    [{ input_ids: [1], labels: [-1] }, '"labels" has a negative label other than -100'],
    [{ input_ids: [1.5], labels: [1] }, '"input_ids" should be a list of token ids'],
    [{ input_ids: [1] }, '"labels" should be a list of token ids'],
    [{ messages: [] }, 'the conversation has no messages'],
    [{ messages: ['hi'] }, 'turn 1 of the conversation should be a JSON object'],
    [{ messages: [{ role: 'user' }] }, 'the content of turn 1 should be a text'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'the content of turn 1 has a part that is not text',
    ],
    [{ messages: [{ role: 'assistant', content: '', weight: 2 }] }, 'the weight of turn 1'],
    [{ conversations: [{ from: 'constructor', value: '' }] }, 'turn 1 is from "constructor"'],
    [{ instruction: 'i' }, '"output" should be a text'],
    [{ instruction: 'i', output: 'o', history: [['a']] }, 'each pair of "history"'],
    [{ prompt: 'p', completion: [] }, '"prompt" and "completion" should be two texts'],
    [{ messages: [{ role: 'user', content: 'x' }], tools: '{' }, '"tools" is a text, but not JSON'],
    [{ text: 1 }, 'none of the known shapes'],
    ['text', 'an example should be a JSON object'],
  ])('%j is a problem', async (row, message) => {
    const { examples, problems } = await readRow(row);
    expect(examples).toEqual([]);
    expect(problems).toEqual([expect.stringContaining(message)]);
  });
});

describe('whatever the bytes', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    ',',
    ':',
    '\\',
    '\n',
    '\r',
    'text',
    'é',
    '1',
    ' ',
  );
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(pieces, { maxLength: 60 }).map((list) => encoder.encode(list.join(''))),
    fc.jsonValue().map((value) => encoder.encode(JSON.stringify(value))),
  );

  test.each(['f.txt', 'f.json', 'f.jsonl'])(
    '%s gives examples and problems, no other error',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(content, async (bytes) => {
          const { examples, problems } = await read(name, bytes);
          expect(examples.length + problems.length).toBeLessThanOrEqual(bytes.length);
        }),
      );
    },
  );
});
