import type { Command } from './command';
import { exportCommand } from './commands/export';

/** All commands, in the order of help. */
export const COMMANDS: readonly Command[] = [exportCommand];
