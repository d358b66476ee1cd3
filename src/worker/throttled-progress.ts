import type { Progress, ProgressListener } from './api';

const INTERVAL_MILLISECONDS = 100;

/** Passes progress on at most ten times a second, but always the first and the last of each activity. */
export function throttledProgress(listener: ProgressListener): ProgressListener {
  let activity = '';
  let toldAt = -Infinity;
  return (progress: Progress) => {
    const now = performance.now();
    const isDue = progress.activity !== activity || now - toldAt >= INTERVAL_MILLISECONDS;
    if (!isDue && progress.done !== progress.total) return;
    activity = progress.activity;
    toldAt = now;
    listener(progress);
  };
}
