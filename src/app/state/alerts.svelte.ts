import { messageOf } from '../../errors';
import type { Notice } from '../../worker/api';
import { inPageWords } from '../text/settings';
import { isAbort } from './operation.svelte';

export interface Alert extends Notice {
  key: number;
  /** Whether it concerns a run whose adapter had better be saved now. */
  offersDownload: boolean;
}

/** What the person should know now, until it is dismissed. */
export class Alerts {
  shown = $state.raw<Alert[]>([]);
  #lastKey = 0;

  /** Shows a notice; one with the same words takes the place of the one before. */
  show(notice: Notice, offersDownload = false): void {
    const key = (this.#lastKey += 1);
    const message = asSentence(inPageWords(notice.message));
    const others = this.shown.filter((alert) => alert.message !== message);
    this.shown = [...others, { ...notice, message, key, offersDownload }];
  }

  /** Shows what was thrown, unless it was only a cancel. */
  showError(error: unknown): void {
    if (!isAbort(error)) this.show({ severity: 'error', message: messageOf(error) });
  }

  dismiss(key: number): void {
    this.shown = this.shown.filter((alert) => alert.key !== key);
  }

  clear(): void {
    this.shown = [];
  }

  /** Runs something that a control asked for and shows what it throws. */
  guard(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.showError(error));
  }
}

/** A message as a sentence of its own: errors come without a point, and in lower case where no name stands first. */
function asSentence(message: string): string {
  const begun = message.replace(/^[a-z](?=[a-z]* )/, (letter) => letter.toUpperCase());
  return /[.?!]$/.test(begun) ? begun : `${begun}.`;
}
