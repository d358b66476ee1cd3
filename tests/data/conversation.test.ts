import { describe, expect, test } from 'vitest';
import { renderConversation } from '../../src/data/conversation';
import type { ChatMessage } from '../../src/data/examples';
import { tokenizeExample } from '../../src/data/tokenize';
import { fixtureTokenizer } from './tokenizers';

const TURNS: ChatMessage[] = [
  { role: 'user', content: 'hi' },
  { role: 'assistant', content: ' yes ' },
  { role: 'user', content: 'yes' },
  { role: 'assistant', content: 'yes' },
];

async function trained(template: string, messages: ChatMessage[] = TURNS): Promise<string[]> {
  const { text, trained: spans } = renderConversation(
    { messages },
    await fixtureTokenizer('llama'),
    template,
  );
  return spans.map(({ start, end }) => text.slice(start, end));
}

const EACH = "{% for m in messages %}{{ '<' + m.role + '>' }}";
const PROMPT = "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";

describe('renderConversation trains the assistant alone', () => {
  test('where the template is plain', async () => {
    const template = `${EACH}{{ m.content + '<|eot_id|>\\n' }}{% endfor %}${PROMPT}`;
    expect(await trained(template)).toEqual([' yes <|eot_id|>', 'yes<|eot_id|>']);
  });

  test('where the template trims contents', async () => {
    const template = `${EACH}{{ m.content | trim }}{{ '<|eot_id|>' }}{% endfor %}${PROMPT}`;
    expect(await trained(template)).toEqual(['yes<|eot_id|>', 'yes<|eot_id|>']);
  });

  test("where nothing ends a turn, white space of the content included and the template's not", async () => {
    const template = `${EACH}{{ m.content + '\\n' }}{% endfor %}${PROMPT}`;
    expect(await trained(template)).toEqual([' yes ', 'yes']);
  });

  test('where the generation prompt is not how the turn begins', async () => {
    const template = `${EACH}{{ m.content + '<|eot_id|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<assistant><think>' }}{% endif %}`;
    expect(await trained(template)).toEqual([' yes <|eot_id|>', 'yes<|eot_id|>']);
  });

  test('where only the last turn is ended', async () => {
    const template = `${EACH}{{ m.content }}{% if loop.last %}{{ '<|eot_id|>' }}{% endif %}{% endfor %}${PROMPT}`;
    expect(await trained(template)).toEqual([' yes ', 'yes<|eot_id|>']);
  });

  test('where no prefix can be rendered at all', async () => {
    const template = `{% if messages | length < 4 %}{{ raise_exception('all') }}{% endif %}${EACH}{{ m.content + ' <|eot_id|> ' }}{% endfor %}`;
    const { trained: spans } = renderConversation(
      { messages: TURNS },
      await fixtureTokenizer('llama'),
      template,
    );
    expect(await trained(template)).toEqual([' yes  <|eot_id|>', 'yes <|eot_id|>']);
    expect(spans).toHaveLength(2);
  });

  test('where a turn is calls of tools', async () => {
    const template = `${EACH}{% if m.tool_calls %}{{ m.tool_calls | tojson }}{% else %}{{ m.content }}{% endif %}{{ '<|eot_id|>' }}{% endfor %}${PROMPT}`;
    const messages: ChatMessage[] = [
      { role: 'user', content: 'add' },
      { role: 'assistant', content: '', tool_calls: [{ name: 'add' }] },
    ];
    expect(await trained(template, messages)).toEqual(['[{"name": "add"}]<|eot_id|>']);
  });

  test('but not turns that are context only', async () => {
    const template = `${EACH}{{ m.content + '<|eot_id|>' }}{% endfor %}${PROMPT}`;
    const messages = TURNS.map((turn, index) => (index === 1 ? { ...turn, trained: false } : turn));
    expect(await trained(template, messages)).toEqual(['yes<|eot_id|>']);
  });
});

test('a turn that is nowhere in what the template writes is an error', async () => {
  const template = `{% if messages | length < 4 %}{{ raise_exception('all') }}{% endif %}${EACH}{% endfor %}`;
  await expect(trained(template)).rejects.toThrow("turn 2, the assistant's, cannot be found");
});

test('train_on_prompt trains every token; a template that refuses names file, line and reason', async () => {
  const tokenizer = await fixtureTokenizer('starter');
  const config = { max_seq_length: 64, chat_template: 'chatml', train_on_prompt: true } as const;
  const conversation = { kind: 'conversation' as const, messages: TURNS, source: 'c.jsonl:4' };
  const [made] = tokenizeExample(conversation, tokenizer, config).examples;
  expect([...(made?.labels ?? [])]).toEqual([...(made?.inputIds ?? [])]);
  const tool = { ...conversation, messages: [...TURNS, { role: 'tool', content: '1' }] };
  expect(() => tokenizeExample(tool, tokenizer, { ...config, chat_template: 'alpaca' })).toThrow(
    /^c\.jsonl:4: the chat template cannot render this conversation: "The Alpaca template has/,
  );
});

test('examples are cut at the end and dropped when nothing trained is left', () => {
  const config = { max_seq_length: 6, chat_template: 'chatml', train_on_prompt: false } as const;
  const tokens = (labels: number[]) =>
    tokenizeExample(
      { kind: 'tokens', inputIds: [5, 6, 7, 8, 9, 10, 11, 12], labels, source: 't.jsonl:1' },
      null,
      config,
      3072,
    );
  const cut = tokens([-100, -100, 7, 8, 9, 10, 11, 12]);
  expect(cut).toMatchObject({ truncated: 1, dropped: 0 });
  expect([...(cut.examples[0]?.inputIds ?? [])]).toEqual([5, 6, 7, 8, 9, 10]);
  const none = [-100, -100, -100, -100, -100, -100];
  expect(tokens([...none, 11, 12])).toEqual({ examples: [], truncated: 1, dropped: 1 });
  // The first label never counts: no token comes before it.
  expect(tokens([5, ...none.slice(1), -100, -100])).toMatchObject({ examples: [], dropped: 1 });
  expect(() => tokens([-100, 6, 7, 8, 9, 10, 11, 4000])).toThrow(
    "t.jsonl:1: the token id 4000 is outside the model's vocabulary of 3072",
  );
  const text = { kind: 'document' as const, text: 'a', spansLines: false, source: 'd.jsonl:2' };
  expect(() => tokenizeExample(text, null, config)).toThrow(/^d\.jsonl:2: this is text, but/);
});
