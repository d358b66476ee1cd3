/** Every kernel on its own, one row each. An operation adds its cases to {@link KERNEL_CASES}. */

import { attentionCases } from './cases/attention';
import { elementwiseCases } from './cases/elementwise';
import { linearCases } from './cases/linear';
import { rowCases } from './cases/rows';
import type { BenchCase } from './measure';

/** All cases, in the order in which they are printed. */
export const KERNEL_CASES: readonly BenchCase[] = [
  ...linearCases(),
  ...attentionCases(),
  ...rowCases(),
  ...elementwiseCases(),
];
