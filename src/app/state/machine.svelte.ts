import type { Probe, TrainerEvent, TrainerWorker } from '../../worker/api';
import { gpuGuidance } from '../text/guidance';

type Lock = Extract<TrainerEvent, { type: 'lock' }>['lock'];

/** What this machine offers: its GPU, its storage, and whether another tab holds the GPU. */
export class Machine {
  probe = $state.raw<Probe | null>(null);
  lock = $state<Lock>('free');
  /** What to do before anything can be trained here; null when it can, or before the GPU was asked. */
  readonly guidance = $derived(
    this.probe &&
      gpuGuidance(this.probe.gpu, {
        userAgent: navigator.userAgent,
        secure: isSecureContext,
        host: location.host,
      }),
  );
  readonly ready = $derived(this.probe?.gpu.status === 'ready');
  /** Whether a processor plays the GPU. */
  readonly software = $derived(
    this.probe !== null && 'software' in this.probe.gpu && this.probe.gpu.software,
  );
  readonly elsewhere = $derived(this.lock === 'elsewhere');

  constructor(private readonly trainer: TrainerWorker) {}

  /** Asks for the GPU again. */
  async look(): Promise<void> {
    this.probe = await this.trainer.probe();
  }
}
