import type { Command } from './command';
import { exportCommand } from './commands/export';
import { tokenizeCommand } from './commands/tokenize';
import { trainCommand } from './commands/train';

/** All commands, in the order of help. */
export const COMMANDS: readonly Command[] = [trainCommand, tokenizeCommand, exportCommand];
