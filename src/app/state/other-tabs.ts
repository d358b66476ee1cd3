/** What all tabs of this page share, since it is stored. */
export type Shared = 'data' | 'models' | 'runs';
const SHARED: readonly unknown[] = ['data', 'models', 'runs'] satisfies Shared[];

/** The part that is used of a BroadcastChannel. */
export interface TabChannel {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
}

/** Tells the other tabs what this one has changed in what all share, and hears it of them. */
export class OtherTabs {
  /** @param onChange told what another tab has changed */
  constructor(
    private readonly channel: TabChannel,
    onChange: (shared: Shared) => void,
  ) {
    channel.onmessage = ({ data }) => {
      // A tab that was opened before the page was renewed may say something else.
      if (isShared(data)) onChange(data);
    };
  }

  tell(shared: Shared): void {
    this.channel.postMessage(shared);
  }
}

function isShared(value: unknown): value is Shared {
  return SHARED.includes(value);
}
