import type { StepMetrics } from '../../worker/api';
import { addFinite, RunningAverage, type Curve } from './curves';

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
 * The curves of a run's metrics. In one pass that makes nothing but the curves, since it is gone through again with every step and a run
 * may have tens of thousands.
 *
 * @param smoothing of the smoothed loss, 0 to below 1
 */
export function runCurves(
  metrics: readonly StepMetrics[],
  axis: HorizontalAxis,
  smoothing: number,
): RunCurves {
  const [loss, smoothedLoss, evalLoss, learningRate, gradNorm, speed] = emptyCurves();
  const average = new RunningAverage(smoothing);
  let tokens = 0;
  let secondsBefore = 0;
  for (const step of metrics) {
    tokens += step.trained_tokens;
    const x = axis === 'step' ? step.step : axis === 'tokens' ? tokens : step.seconds;
    const seconds = step.seconds - secondsBefore;
    secondsBefore = step.seconds;
    addFinite(loss, x, step.loss);
    addFinite(smoothedLoss, x, average.next(step.loss));
    if (step.eval_loss !== undefined) addFinite(evalLoss, x, step.eval_loss);
    addFinite(learningRate, x, step.learning_rate);
    addFinite(gradNorm, x, step.grad_norm);
    if (seconds > 0) addFinite(speed, x, step.trained_tokens / seconds);
  }
  return { loss, smoothedLoss, evalLoss, learningRate, gradNorm, speed };
}

const emptyCurve = (): Curve => ({ x: [], y: [] });

function emptyCurves(): [Curve, Curve, Curve, Curve, Curve, Curve] {
  return [emptyCurve(), emptyCurve(), emptyCurve(), emptyCurve(), emptyCurve(), emptyCurve()];
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
