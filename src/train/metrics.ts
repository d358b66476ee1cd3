import { JsonFields } from '../formats/json-fields';

/** One line of `metrics.jsonl`, and one point of the page's charts. */
export interface StepMetrics {
  /** Updates done with this one, from 1; skipped ones count. */
  step: number;
  /** How often the examples have been seen: 1.5 is one and a half passes. */
  epoch: number;
  /** Mean over the trained tokens of the whole step, before its update; NaN where it was not finite. */
  loss: number;
  /** The one used in this step. */
  learning_rate: number;
  /** Global norm before clipping; NaN where it was not finite. */
  grad_norm: number;
  /** Trained tokens of this step. */
  trained_tokens: number;
  /** Since the start of the run, pauses left out. */
  seconds: number;
  /** Mean over all trained tokens that were held out, after this step's update; absent where it was not evaluated. */
  eval_loss?: number;
  /** True where loss or gradients were not finite, so that nothing was updated; absent otherwise. */
  skipped?: true;
}

const ANY = { minimum: -Number.MAX_VALUE, maximum: Number.MAX_VALUE };
const POSITIVE = { minimum: 0, maximum: Number.MAX_VALUE };
const COUNT = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

/** One step as a line of `metrics.jsonl`, without its end; what is not finite is null there. */
export function metricsLine(metrics: StepMetrics): string {
  return JSON.stringify(metrics);
}

/**
 * One step's metrics from parsed JSON.
 *
 * @throws InputError that names the key at fault.
 */
export function readMetrics(value: unknown, file: string): StepMetrics {
  const fields = JsonFields.of(value, file);
  const finiteOrNaN = (key: string) => (fields.has(key) ? fields.number(key, ANY) : NaN);
  const metrics: StepMetrics = {
    step: fields.integer('step', COUNT),
    epoch: fields.number('epoch', POSITIVE),
    loss: finiteOrNaN('loss'),
    learning_rate: fields.number('learning_rate', ANY),
    grad_norm: finiteOrNaN('grad_norm'),
    trained_tokens: fields.integer('trained_tokens', COUNT),
    seconds: fields.number('seconds', POSITIVE),
  };
  if (fields.keys.includes('eval_loss')) metrics.eval_loss = finiteOrNaN('eval_loss');
  if (fields.boolean('skipped', false)) metrics.skipped = true;
  return metrics;
}
