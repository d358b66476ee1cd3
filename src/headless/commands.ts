import type { Command } from './command';
import { benchCommand } from './commands/bench';
import { evaluateCommand } from './commands/evaluate';
import { exportCommand } from './commands/export';
import { generateCommand } from './commands/generate';
import { logitsCommand } from './commands/logits';
import { memoryCommand } from './commands/memory';
import { tokenizeCommand } from './commands/tokenize';
import { trainCommand } from './commands/train';

/** All commands, in the order of help. */
export const COMMANDS: readonly Command[] = [
  trainCommand,
  logitsCommand,
  generateCommand,
  tokenizeCommand,
  evaluateCommand,
  memoryCommand,
  exportCommand,
  benchCommand,
];
