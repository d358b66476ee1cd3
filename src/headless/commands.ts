import type { Command } from './command';
import { exportCommand } from './commands/export';
import { tokenizeCommand } from './commands/tokenize';

/** All commands, in the order of help. */
export const COMMANDS: readonly Command[] = [tokenizeCommand, exportCommand];
