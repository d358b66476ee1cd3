import type { Precision } from '../config';
import { openGpu, unwrap, type Gpu, type GpuFailure } from '../engine/gpu';
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

/** The GPU as this worker holds it: opened when it is first needed, opened again after a loss. */
export class GpuAccess {
  #runtime: Runtime | undefined;
  #without: readonly 'f16'[] = [];
  readonly #losses: number[] = [];

  constructor(private readonly instance: () => GPU | undefined) {}

  /** What this machine offers. Never fails. */
  async probe(): Promise<GpuProbe> {
    const gpu = this.instance();
    if (!gpu) return { status: 'no-webgpu' };
    const adapter = await gpu
      .requestAdapter({ powerPreference: 'high-performance' })
      .catch(() => null);
    if (!adapter) return { status: 'no-adapter' };
    const { info, limits, features } = adapter;
    const name = info.description || [info.vendor, info.architecture].filter(Boolean).join(' ');
    const software = /swiftshader|llvmpipe|lavapipe|warp|basic render/i.test(
      `${info.description} ${info.vendor} ${info.architecture} ${info.device}`,
    );
    const facts = {
      name,
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

  /** The open GPU. @throws DeviceError where there is none */
  async open(precision: Precision = 'auto'): Promise<Runtime> {
    const without = precision === 'f32' ? (['f16'] as const) : [];
    if (this.#runtime && String(without) === String(this.#without)) return this.#runtime;
    this.close();
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
    const [last, before] = this.#losses.slice(-2).reverse();
    if (last === undefined || before === undefined) return 0;
    if (last - before > TWO_LOSSES_WITHIN_MILLISECONDS) return 0;
    return Math.max(0, last + BARRED_MILLISECONDS - Date.now());
  }

  close(): void {
    this.#runtime?.gpu.destroy();
    this.#runtime = undefined;
  }

  #noteLoss(runtime: Runtime, failure: GpuFailure & { kind: 'device-lost' }): void {
    if (this.#runtime === runtime) this.#runtime = undefined;
    if (!failure.destroyed) this.#losses.push(Date.now());
  }
}

/**
 * WebGPU does not tell how much memory a card has. Drivers set the largest buffer to a quarter of it or more, and never promise more than
 * they have; twice that is a careful guess, and a software GPU takes the machine's own memory.
 */
function memoryBudget(maxBufferBytes: number, software: boolean): number {
  return software ? Math.min(maxBufferBytes, 4 * 2 ** 30) : 2 * maxBufferBytes;
}
