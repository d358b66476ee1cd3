import type { Command } from './command';
import { optionName } from './options';

const CALL = 'npm run --silent headless --';

/** Help on all commands. */
export function generalHelp(commands: readonly Command[]): string {
  return [
    'Tunesmith from a terminal: fine-tunes Llama models on this machine’s GPU.',
    '',
    `Usage: ${CALL} COMMAND [OPTION]...`,
    '',
    'Commands:',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '',
    `"${CALL} COMMAND --help" says more on one. Progress goes to standard error, the result to`,
    'standard output as one JSON object. Exit status: 0 success, 2 bad input or usage, 1 failure.',
    '',
  ].join('\n');
}

/** Help on one command. */
export function commandHelp({ name, summary, options }: Command): string {
  const rows = Object.entries(options).map(([key, { placeholder, help, required }]) => {
    const left = placeholder === undefined ? optionName(key) : `${optionName(key)} ${placeholder}`;
    return { left, help, required };
  });
  const usage = rows.map(({ left, required }) => (required ? left : `[${left}]`));
  return [
    `${name}: ${summary}`,
    '',
    `Usage: ${CALL} ${name} ${usage.join(' ')}`,
    '',
    'Options:',
    ...columns([
      ...rows.map(({ left, help }): [string, string] => [left, help]),
      ['--help', 'this text'],
    ]),
    '',
  ].join('\n');
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
