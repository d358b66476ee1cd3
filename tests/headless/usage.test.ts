import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/headless/commands';
import { headless, temporaryFolder } from './terminal';

describe('help', () => {
  it('lists every command', async () => {
    const { code, stdout } = await headless(temporaryFolder(), '--help');
    expect(code).toBe(0);
    for (const { name } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it.each(COMMANDS.map(({ name }) => name))('of %s says what it takes', async (name) => {
    const { code, stdout, lines } = await headless(temporaryFolder(), name, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`headless -- ${name} (--model M|\\[--model M\\])`));
    expect(stdout).toMatch(/^ {2}--precision auto\|f32\|f16 /m);
    expect(lines).toEqual(['']);
  });
});

describe('a call that cannot be understood', () => {
  it.each([
    [[], 'which command?'],
    [['tokenise'], 'did you mean tokenize?'],
    [['xyzzy'], 'the commands are'],
    [['memory', '--model', 'm', '--xyzzy'], 'unknown option --xyzzy'],
    [['memory', '--model', 'm', '--precision', 'f64'], 'one of auto, f32, f16'],
  ])('%j ends with status 2 and a sentence', async (words, message) => {
    const { code, stdout, lines } = await headless(temporaryFolder(), ...words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(message);
  });
});
