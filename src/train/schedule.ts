import type { TrainingConfig } from '../config';

/** Keeps a product that is a whole number but for rounding from being rounded up to the next. */
const ROUNDING = 1e-9;

type ScheduleSettings = Pick<TrainingConfig, 'lr_scheduler_type' | 'warmup_steps' | 'warmup_ratio'>;

/** Updates in one pass over the data: the last one of an epoch takes the micro-batches that are left. */
export function stepsPerEpoch(
  config: Pick<TrainingConfig, 'gradient_accumulation_steps'>,
  microBatchesPerEpoch: number,
): number {
  return Math.ceil(microBatchesPerEpoch / config.gradient_accumulation_steps);
}

/** How many updates a run makes: `max_steps` where that is 1 or more, else as many as its epochs have, at least one. */
export function totalSteps(
  config: Pick<TrainingConfig, 'gradient_accumulation_steps' | 'num_train_epochs' | 'max_steps'>,
  microBatchesPerEpoch: number,
): number {
  if (config.max_steps >= 1) return config.max_steps;
  const steps = config.num_train_epochs * stepsPerEpoch(config, microBatchesPerEpoch);
  return Math.max(1, Math.ceil(steps - ROUNDING));
}

/** Over how many updates the learning rate rises. */
export function warmupSteps(
  config: Pick<TrainingConfig, 'warmup_steps' | 'warmup_ratio'>,
  totalSteps: number,
): number {
  if (config.warmup_steps > 0) return config.warmup_steps;
  return Math.max(0, Math.ceil(config.warmup_ratio * totalSteps - ROUNDING));
}

/**
 * The learning rate of the update with index `step` (from 0) of `totalSteps`: a linear rise from 0 over the warm-up, then constant, or
 * down to 0 along a line or half a cosine, as the schedules of Hugging Face's trainer.
 */
export function learningRateAt(
  config: ScheduleSettings & Pick<TrainingConfig, 'learning_rate'>,
  step: number,
  totalSteps: number,
): number {
  return config.learning_rate * shareAt(config, step, totalSteps);
}

function shareAt(config: ScheduleSettings, step: number, totalSteps: number): number {
  const warmup = warmupSteps(config, totalSteps);
  if (step < warmup) return step / warmup;
  const done = step - warmup;
  const whole = totalSteps - warmup;
  switch (config.lr_scheduler_type) {
    case 'constant':
      return 1;
    case 'linear':
      return (whole - done) / whole;
    case 'cosine':
      return (1 + Math.cos((Math.PI * done) / whole)) / 2;
  }
}
