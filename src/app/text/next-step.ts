import type { RunPhase } from '../../worker/api';

/** Where the work stands, as far as it decides what to do next. */
export interface Standing {
  /** Of the shown run; null before there is one. */
  phase: RunPhase | null;
  /** Whether the shown run has something to ask and to download. */
  hasAdapter: boolean;
  /** Whether the shown run trained all weights, so that what it gives is a whole model. */
  wholeModel: boolean;
  /** Whether the model must be downloaded first, and its size in words. */
  download: string | null;
  /** What keeps Train from being pressed; null when nothing does. */
  obstacle: string | null;
}

/** One or two sentences that say what a person can do now. */
export function nextStep(standing: Standing): string {
  const { phase, hasAdapter, wholeModel, download, obstacle } = standing;
  switch (phase) {
    case null:
      if (obstacle !== null) return obstacle;
      if (download !== null) return `Train downloads the model first (${download}), then begins.`;
      return 'All is ready: press Train. You can pause or stop at any time.';
    case 'preparing':
      return 'It is being made ready. The first step takes the longest.';
    case 'training':
      return 'You may leave this tab in the background. If it is closed, the run goes on from its last checkpoint when you come back.';
    case 'recovering':
      return 'Nothing to do: it goes on by itself.';
    case 'paused':
      return hasAdapter && !wholeModel
        ? 'Everything is kept as it is. You can ask it something now, or resume.'
        : 'Everything is kept as it is. Resume when you like.';
    case 'elsewhere':
      return 'Follow it, pause it and stop it in its own tab. If that is closed, it can be resumed here.';
    case 'interrupted':
      return hasAdapter
        ? 'Its tab ended while it trained. Nothing up to the last checkpoint is lost: resume, or ask what it has learned so far.'
        : 'Its tab ended before the first checkpoint. Train starts again.';
    case 'stopped':
      return hasAdapter
        ? 'What it has learned so far is kept: ask it something, download it, or resume.'
        : 'It was stopped before its first checkpoint, so nothing of it is kept. Train starts again.';
    case 'finished':
      return `It has learned. Ask it something, then download the ${wholeModel ? 'model' : 'adapter'}.`;
    case 'failed':
      return hasAdapter
        ? 'Its last checkpoint is kept: ask it what it has learned so far or, once the reason is gone, resume.'
        : 'It ended before its first checkpoint, so nothing of it is kept. Change what the message says, then train again.';
  }
}
