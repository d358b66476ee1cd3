import { Console } from 'node:console';
import { InputError, messageOf } from '../errors';
import { nearestName } from '../config/nearest-name';
import { COMMANDS } from './commands';
import { commandHelp, generalHelp } from './help';
import { exitOnInterrupt } from './interrupt';
import { report } from './terminal';

const SUCCESS = 0;
const FAILURE = 1;
const BAD_INPUT = 2;

/**
 * The terminal's side of Tunesmith: runs one command, prints its result on standard output and everything else on standard error.
 *
 * @param words the command's name and its options
 * @returns the exit status: 0 on success, 2 on bad input or usage, 1 where the run failed
 */
export async function main(words: readonly string[]): Promise<number> {
  exitOnInterrupt();
  keepStandardOutput();
  try {
    process.stdout.write(await answer(words));
    return SUCCESS;
  } catch (error) {
    report(`tunesmith: ${oneLine(messageOf(error))}`);
    return error instanceof InputError ? BAD_INPUT : FAILURE;
  }
}

async function answer([name, ...words]: readonly string[]): Promise<string> {
  if (name === '--help' || name === '-h' || name === 'help') return generalHelp(COMMANDS);
  if (name === undefined) throw new InputError('which command? --help lists them');
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) {
    const names = COMMANDS.map((one) => one.name);
    const near = nearestName(name, names);
    const hint =
      near === undefined ? `the commands are ${names.join(', ')}` : `did you mean ${near}?`;
    throw new InputError(`there is no command "${name}"; ${hint}`);
  }
  if (words.includes('--help') || words.includes('-h')) return commandHelp(command);
  return `${JSON.stringify(await command.run(words))}\n`;
}

/** Sends what libraries have to say to standard error. */
function keepStandardOutput(): void {
  globalThis.console = new Console(process.stderr);
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, ' ').trim();
}
