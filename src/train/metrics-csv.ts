import type { StepMetrics } from './metrics';

const COLUMNS = [
  'step',
  'epoch',
  'loss',
  'learning_rate',
  'grad_norm',
  'trained_tokens',
  'seconds',
  'eval_loss',
  'skipped',
] as const satisfies readonly (keyof StepMetrics)[];

/** A run's metrics as comma-separated values with a head line; what a step does not have stays empty. */
export function metricsCsv(metrics: readonly StepMetrics[]): string {
  const rows = metrics.map((step) => COLUMNS.map((column) => step[column] ?? '').join(','));
  return [COLUMNS.join(','), ...rows, ''].join('\n');
}
