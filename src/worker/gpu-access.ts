import type { Precision } from '../config';
import { adapterName, openGpu, unwrap, type Gpu, type GpuFailure } from '../engine/gpu';
import { Runtime } from '../engine/runtime';
import type { GpuProbe } from './api';

/** No usable GPU, or it was lost and could not be had again. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** Chrome bars a page from the GPU for two minutes after the second loss; trying earlier only prolongs it. */
const BARRED_MILLISECONDS = 125_000;
const TWO_LOSSES_WITHIN_MILLISECONDS = 120_000;
/** Below this the smallest model's tensors cannot be bound. */
const SMALLEST_BINDING_BYTES = 16 * 2 ** 20;

/** Resolves after so many milliseconds. */
export type Wait = (milliseconds: number) => Promise<void>;

/** A call that the loss of a GPU has broken may be heard of before the loss itself, but not by more. */
const LOSS_IS_TOLD_WITHIN_MILLISECONDS = 1000;

/** The loss of a GPU where that may be what is behind an error; null where it is not lost. */
export async function lossSoon(gpu: Gpu, wait: Wait): Promise<GpuFailure | null> {
  const late = wait(LOSS_IS_TOLD_WITHIN_MILLISECONDS).then(() => null);
  return Promise.race([gpu.lost, late]);
}

/** The GPU as this worker holds it: opened when it is first needed, opened again after a loss. */
export class GpuAccess {
  #runtime: Runtime | undefined;
  #opening: Promise<unknown> = Promise.resolve();
  #without: readonly 'f16'[] = [];
  #lastLoss = -Infinity;
  #barredUntil = -Infinity;

  /** @param now milliseconds from any fixed moment */
  constructor(
    private readonly instance: () => GPU | undefined,
    private readonly now: () => number = Date.now,
  ) {}

  /** What this machine offers. Never fails. */
  async probe(): Promise<GpuProbe> {
    const gpu = this.instance();
    if (!gpu) return { status: 'no-webgpu' };
    const adapter = await gpu
      .requestAdapter({ powerPreference: 'high-performance' })
      .catch(() => null);
    if (!adapter) return { status: 'no-adapter' };
    const { info, limits, features } = adapter;
    const software = isSoftware(info);
    const facts = {
      name: adapterName(info),
      software,
      f16: features.has('shader-f16'),
      subgroups: features.has('subgroups'),
      maxBufferBytes: limits.maxBufferSize,
      maxBindingBytes: limits.maxStorageBufferBindingSize,
      memoryBudgetBytes: memoryBudget(limits.maxBufferSize, software),
    };
    if (facts.maxBindingBytes < SMALLEST_BINDING_BYTES) {
      const reason = `one buffer may have ${facts.maxBindingBytes} bytes, which no model fits`;
      return { status: 'too-small', reason, ...facts };
    }
    return { status: 'ready', ...facts };
  }

  /** The open GPU. @throws DeviceError where there is none, or the browser bars it */
  open(precision: Precision = 'auto'): Promise<Runtime> {
    // One after another: of two that open at once, one would work on a device that nobody knows of.
    const opened = this.#opening.then(() => this.#open(precision));
    this.#opening = opened.catch(() => undefined);
    return opened;
  }

  async #open(precision: Precision): Promise<Runtime> {
    const without = precision === 'f32' ? (['f16'] as const) : [];
    const usable = this.#runtime?.gpu.refusal === undefined;
    if (this.#runtime && usable && String(without) === String(this.#without)) return this.#runtime;
    this.close();
    const seconds = Math.ceil(this.waitMilliseconds / 1000);
    if (seconds > 0) {
      const what = `The GPU was lost twice; the browser gives it again in ${seconds} s`;
      throw new DeviceError(`${what}. Try again then.`);
    }
    const instance = this.instance();
    if (!instance) throw new DeviceError('This browser has no WebGPU; open the page in Chrome.');
    const opened = await openGpu(instance, { without });
    if (!opened.ok) throw new DeviceError(opened.failure.message);
    const gpu = unwrap(opened);
    const runtime = new Runtime(gpu);
    this.#runtime = runtime;
    this.#without = without;
    void gpu.lost.then((failure) => this.#noteLoss(runtime, failure));
    return runtime;
  }

  /** The GPU, if it is open, without opening it. */
  get current(): Gpu | undefined {
    return this.#runtime?.gpu;
  }

  /** Milliseconds to wait before the GPU may be asked for again: 0 after a first loss. */
  get waitMilliseconds(): number {
    return Math.max(0, this.#barredUntil - this.now());
  }

  /** Takes the browser to have barred this page, whose GPU it refused after a loss. */
  bar(): void {
    this.#barredUntil = this.now() + BARRED_MILLISECONDS;
  }

  close(): void {
    this.#runtime?.gpu.destroy();
    this.#runtime = undefined;
  }

  #noteLoss(runtime: Runtime, failure: GpuFailure & { kind: 'device-lost' }): void {
    if (this.#runtime === runtime) this.#runtime = undefined;
    if (failure.destroyed) return;
    if (this.now() - this.#lastLoss <= TWO_LOSSES_WITHIN_MILLISECONDS) this.bar();
    this.#lastLoss = this.now();
  }
}

/** Whether a CPU plays the GPU: right results, slow. */
export function isSoftware({ description, vendor, architecture, device }: GPUAdapterInfo): boolean {
  return /swiftshader|llvmpipe|lavapipe|warp|basic render/i.test(
    `${description} ${vendor} ${architecture} ${device}`,
  );
}

/**
 * WebGPU does not tell how much memory a card has. Drivers set the largest buffer to a quarter of it or more, and never promise more than
 * they have; twice that is a careful guess, and a software GPU takes the machine's own memory.
 */
function memoryBudget(maxBufferBytes: number, software: boolean): number {
  return software ? Math.min(maxBufferBytes, 4 * 2 ** 30) : 2 * maxBufferBytes;
}
