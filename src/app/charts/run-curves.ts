import type { StepMetrics } from '../../worker/api';
import { finite, smoothed, type Curve } from './curves';

/** What runs along a chart's horizontal axis. */
export type HorizontalAxis = 'step' | 'tokens' | 'time';

/** The quantities of a run that are drawn. */
export interface RunCurves {
  loss: Curve;
  smoothedLoss: Curve;
  evalLoss: Curve;
  learningRate: Curve;
  gradNorm: Curve;
  /** Trained tokens a second, step by step. */
  speed: Curve;
}

/**
 * The curves of a run's metrics.
 *
 * @param smoothing of the smoothed loss, 0 to below 1
 */
export function runCurves(
  metrics: readonly StepMetrics[],
  axis: HorizontalAxis,
  smoothing: number,
): RunCurves {
  const x = horizontal(metrics, axis);
  const curve = (y: number[]): Curve => finite({ x, y });
  const losses = metrics.map((step) => step.loss);
  return {
    loss: curve(losses),
    smoothedLoss: curve(smoothed(losses, smoothing)),
    evalLoss: curve(metrics.map((step) => step.eval_loss ?? NaN)),
    learningRate: curve(metrics.map((step) => step.learning_rate)),
    gradNorm: curve(metrics.map((step) => step.grad_norm)),
    speed: curve(
      metrics.map((step, index) => {
        const seconds = step.seconds - (metrics[index - 1]?.seconds ?? 0);
        return seconds > 0 ? step.trained_tokens / seconds : NaN;
      }),
    ),
  };
}

function horizontal(metrics: readonly StepMetrics[], axis: HorizontalAxis): number[] {
  switch (axis) {
    case 'step':
      return metrics.map((step) => step.step);
    case 'time':
      return metrics.map((step) => step.seconds);
    case 'tokens': {
      let tokens = 0;
      return metrics.map((step) => (tokens += step.trained_tokens));
    }
  }
}

const RECENT_STEPS = 10;

/**
 * Trained tokens a second over the last ten steps; null before there is one that took time. The first step makes the shaders, so it counts only
 * while it is the only one.
 */
export function recentSpeed(metrics: readonly StepMetrics[]): number | null {
  const last = metrics.at(-1);
  if (!last) return null;
  const steps = Math.min(RECENT_STEPS, Math.max(1, metrics.length - 1));
  const seconds = last.seconds - (metrics.at(-1 - steps)?.seconds ?? 0);
  const tokens = metrics.slice(-steps).reduce((sum, step) => sum + step.trained_tokens, 0);
  return seconds > 0 ? tokens / seconds : null;
}

/** Seconds until the last step at the pace of the last ten; null before three steps. */
export function secondsLeft(metrics: readonly StepMetrics[], totalSteps: number): number | null {
  const last = metrics.at(-1);
  if (!last || metrics.length < 3) return null;
  const steps = Math.min(RECENT_STEPS, metrics.length - 1);
  const before = metrics.at(-1 - steps);
  if (!before) return null;
  return ((last.seconds - before.seconds) / steps) * Math.max(0, totalSteps - last.step);
}
