import { expect, it } from 'vitest';
import { CONFIG_FIELDS } from '../../../src/config';
import { inPageWords, rangeText, settingText } from '../../../src/app/text/settings';

const field = (key: string) => {
  const found = CONFIG_FIELDS.find((other) => other.key === key);
  if (!found) throw new Error(`no setting is called ${key}`);
  return found;
};

it.each([
  ['r', '1 to 1,024, default 16'],
  ['learning_rate', '0 or more, default 2e-4'],
  ['lora_alpha', 'above 0, default 16'],
  ['lora_dropout', '0 to below 1, default 0'],
  ['adam_epsilon', '1e-16 or more, default 1e-8'],
  ['max_steps', '1 or more, default from the epochs'],
  ['packing', 'default on'],
  ['method', 'default qlora'],
  ['target_modules', 'default all'],
])('%s may be: %s', (key, text) => expect(rangeText(field(key))).toBe(text));

it.each([
  ['target_modules', ['q_proj', 'v_proj'], 'q_proj, v_proj'],
  ['learning_rate', 0.0003, '3e-4'],
  ['learning_rate', 3 * 1e-4, '3e-4'],
  ['max_seq_length', 1024, '1,024'],
  ['shuffle', false, 'off'],
])('a value of %s, %j, is written %s', (key, value, text) =>
  expect(settingText(field(key), value)).toBe(text),
);

it('calls settings in messages what their fields are called', () => {
  expect(inPageWords('r is 0; it must be a whole number, at least 1')).toBe(
    '"Rank" is 0; it must be a whole number, at least 1',
  );
  expect(inPageWords('take a smaller micro_batch_size or a shorter max_seq_length')).toBe(
    'take a smaller "Rows at once" or a shorter "Sequence length"',
  );
  // Words that are settings elsewhere.
  const other = 'r.txt, line 3: the method of the seed in my_learning_rates is packing';
  expect(inPageWords(other)).toBe(other);
});
