import type { Progress, RunSummary } from '../../worker/api';
import { lossText } from './figures';

/**
 * The one line that says how the run stands: `Step 12 of 100, loss 2.314, 45 tokens/s`.
 *
 * @param tokensPerSecond of trained tokens over the last steps; null before there is one
 * @param progress what the phases `preparing` and `recovering` are doing
 */
export function statusText(
  run: RunSummary,
  tokensPerSecond: number | null,
  progress: Progress | null,
): string {
  const place = `step ${run.step} of ${run.totalSteps}`;
  const loss = run.loss === null ? '' : `, loss ${lossText(run.loss)}`;
  switch (run.phase) {
    case 'preparing':
      return progress ? `Preparing: ${progress.activity}` : 'Preparing';
    case 'training': {
      const speed = tokensPerSecond === null ? '' : `, ${speedText(tokensPerSecond)}`;
      return run.totalSteps === 0
        ? 'Training'
        : `Step ${run.step} of ${run.totalSteps}${loss}${speed}`;
    }
    case 'paused':
      return `Paused at ${place}`;
    case 'recovering':
      return `The GPU was lost at ${place}. ${progress ? progress.activity : 'Getting it back'}`;
    case 'interrupted':
      return `Interrupted at ${place}${loss}. Resume goes on from the last checkpoint`;
    case 'stopped':
      return `Stopped at ${place}${loss}`;
    case 'finished':
      return `Finished: ${run.step} ${run.step === 1 ? 'step' : 'steps'}${loss}`;
    case 'failed':
      return `Failed at ${place}: ${run.failure ?? 'no reason was given'}`;
  }
}

/** Tokens a second without false precision: `45 tokens/s`, `2,413 tokens/s`, `0.8 tokens/s`. */
export function speedText(tokensPerSecond: number, tokens = 'tokens'): string {
  const rounded =
    tokensPerSecond < 9.95
      ? String(Math.round(tokensPerSecond * 10) / 10)
      : Math.round(tokensPerSecond).toLocaleString('en-US');
  return `${rounded} ${tokens}/s`;
}
