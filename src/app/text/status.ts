import type { Progress, RunSummary } from '../../worker/api';
import { exactText, lossText } from './figures';
import { inPageWords } from './settings';

/**
 * The one line that says how the run stands: `Step 12 of 100, loss 2.314, 45 tokens/s`.
 *
 * @param tokensPerSecond of trained tokens over the last steps; null before there is one
 * @param progress what the run is doing besides its steps: loading, evaluating, writing samples
 */
export function statusText(
  run: RunSummary,
  tokensPerSecond: number | null,
  progress: Progress | null,
): string {
  const done = `${exactText(run.step)} of ${exactText(run.totalSteps)}`;
  const place = run.totalSteps === 0 ? 'before the first step' : `at step ${done}`;
  const loss = run.loss === null ? '' : `, loss ${lossText(run.loss)}`;
  switch (run.phase) {
    case 'preparing':
      return progress ? `Preparing: ${progress.activity}` : 'Preparing';
    case 'training': {
      if (run.totalSteps === 0) return 'Training';
      const step = `Step ${done}${loss}`;
      if (progress) return `${step}. ${doingText(progress)}`;
      return tokensPerSecond === null ? step : `${step}, ${speedText(tokensPerSecond)}`;
    }
    case 'paused':
      return `Paused ${place}`;
    case 'recovering':
      return `The GPU was lost ${place}. ${progress ? progress.activity : 'Getting it back'}`;
    case 'elsewhere':
      return 'At work in another tab';
    case 'interrupted':
      return `Interrupted ${place}${loss}${run.hasAdapter ? '. Resume goes on from the last checkpoint' : ''}`;
    case 'stopped':
      return `Stopped ${place}${loss}`;
    case 'finished':
      return `Finished: ${exactText(run.step)} ${run.step === 1 ? 'step' : 'steps'}${loss}`;
    case 'failed':
      return `Failed ${place}: ${inPageWords(run.failure ?? 'no reason was given')}`;
  }
}

/** `Writing sample 1 of 3, 12 of 80 tokens`; what is not counted in tokens is only named. */
function doingText({ activity, done, total, unit }: Progress): string {
  return unit === 'tokens' && total !== null ? `${activity}, ${done} of ${total} tokens` : activity;
}

/** Tokens a second without false precision: `45 tokens/s`, `2,413 tokens/s`, `0.8 tokens/s`. */
export function speedText(tokensPerSecond: number, tokens = 'tokens'): string {
  const rounded =
    tokensPerSecond < 9.95
      ? String(Math.round(tokensPerSecond * 10) / 10)
      : Math.round(tokensPerSecond).toLocaleString('en-US');
  return `${rounded} ${tokens}/s`;
}
