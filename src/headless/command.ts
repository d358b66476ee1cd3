import { readOptions, type OptionTable, type OptionValues } from './options';

/** What a command prints: one JSON object. */
export type CommandResult = Readonly<Record<string, unknown>>;

/** A command of the terminal. */
export interface Command {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  readonly options: OptionTable;
  /**
   * Does the command's work.
   *
   * @param words that follow its name
   * @throws InputError for what the caller can put right
   */
  run(words: readonly string[]): Promise<CommandResult>;
}

interface CommandDefinition<Table extends OptionTable> {
  readonly name: string;
  readonly summary: string;
  readonly options: Table;
  readonly work: (values: OptionValues<Table>) => Promise<CommandResult>;
}

/** A command whose work takes the values of its options, read as their table says. */
export function defineCommand<Table extends OptionTable>({
  name,
  summary,
  options,
  work,
}: CommandDefinition<Table>): Command {
  return { name, summary, options, run: async (words) => work(readOptions(options, words)) };
}
