/** Opening a WebGPU device with everything the adapter offers that the engine can use, and nothing that it needs. */

import { messageOf } from '../errors';
import { MemoryLedger } from './memory-ledger';

/** Something the GPU refused or lost. It is a value, not an exception: the caller decides whether to shrink, to wait or to say so. */
export type GpuFailure =
  | { readonly kind: 'no-adapter'; readonly message: string }
  | { readonly kind: 'device-lost'; readonly message: string; readonly destroyed: boolean }
  | { readonly kind: 'out-of-memory'; readonly message: string }
  | { readonly kind: 'invalid'; readonly message: string };

/** A result or why there is none. */
export type GpuResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: GpuFailure };

/** A {@link GpuFailure} where only an exception can carry it: through a long chain of awaits up to the one who asked. */
export class GpuError extends Error {
  override readonly name = 'GpuError';
  constructor(readonly failure: GpuFailure) {
    super(failure.message);
  }
}

/** Optional features that kernels have a second version for. */
export interface GpuFeatures {
  /** 16-bit floats in shaders (`shader-f16`). */
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly timestamps: boolean;
}

export interface GpuOptions {
  /** Features to leave unused although the adapter has them; tests of the plain paths say so. */
  readonly without?: readonly (keyof GpuFeatures)[];
}

const FEATURE_NAMES: Readonly<Record<keyof GpuFeatures, GPUFeatureName>> = {
  f16: 'shader-f16',
  subgroups: 'subgroups',
  timestamps: 'timestamp-query',
};

/** The limits that kernels and buffer plans depend on; everything else stays at WebGPU's default. */
const LIMIT_NAMES = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBuffersPerShaderStage',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** An open device together with what it can do and what has been allocated on it. */
export class Gpu {
  readonly memory = new MemoryLedger();
  /** Settles, never rejects, when the device is gone; `destroyed` tells our own {@link Gpu.destroy} from a loss. */
  readonly lost: Promise<GpuFailure & { kind: 'device-lost' }>;
  #refusal: GpuFailure | undefined;

  constructor(
    readonly device: GPUDevice,
    readonly info: GPUAdapterInfo,
    readonly features: GpuFeatures,
    /** Dawn in Node crashes when its instance is collected while a device lives: whoever holds the device holds this. */
    readonly instance: GPU,
  ) {
    this.lost = device.lost.then((loss) => ({
      kind: 'device-lost',
      message: `The GPU was lost: ${loss.message || loss.reason}.`,
      destroyed: loss.reason === 'destroyed',
    }));
    device.addEventListener('uncapturederror', (event) => {
      // What follows the first refusal mostly follows from it.
      this.#refusal ??= refusalOf(event.error);
    });
  }

  /** What the GPU first refused outside of {@link Gpu.guard}: nothing that it has computed since can be trusted. */
  get refusal(): GpuFailure | undefined {
    return this.#refusal;
  }

  /**
   * Waits for something that the GPU does; whoever waits for the GPU waits here.
   * @throws GpuError where the GPU has refused anything so far outside of {@link Gpu.guard}.
   */
  async settled<T>(work: Promise<T>): Promise<T> {
    const [outcome] = await Promise.allSettled([work]);
    if (this.#refusal) throw new GpuError(this.#refusal);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  get limits(): GPUSupportedLimits {
    return this.device.limits;
  }

  /**
   * Lanes of a software adapter's subgroups, which are those of the CPU's vector unit, where kernels may use them; undefined on real GPUs,
   * whose larger subgroups share memory better than registers, and where subgroups vary in size.
   */
  get softwareLanes(): number | undefined {
    const { isFallbackAdapter, subgroupMinSize, subgroupMaxSize } = this.info;
    const fixed = subgroupMinSize === subgroupMaxSize;
    return this.features.subgroups && isFallbackAdapter && fixed ? subgroupMinSize : undefined;
  }

  /** How the adapter calls itself, as precisely as the browser lets it be known. */
  get name(): string {
    return adapterName(this.info) || 'unnamed GPU';
  }

  /**
   * Runs `make`, which creates GPU objects, and waits until the GPU has accepted or refused them.
   * @param what names the work in the message of a refusal.
   */
  async guard<T>(what: string, make: () => T | Promise<T>): Promise<GpuResult<T>> {
    this.device.pushErrorScope('out-of-memory');
    this.device.pushErrorScope('validation');
    const made = await Promise.allSettled([Promise.resolve().then(make)]);
    const [invalid, outOfMemory] = await Promise.all([
      this.device.popErrorScope(),
      this.device.popErrorScope(),
    ]);
    if (outOfMemory) return failed('out-of-memory', `${what}: the GPU is out of memory.`);
    if (invalid) return failed('invalid', `${what}: ${invalid.message}`);
    const [outcome] = made;
    if (outcome.status === 'rejected') throw outcome.reason;
    return { ok: true, value: outcome.value };
  }

  destroy(): void {
    this.device.destroy();
  }
}

/** The message of a validation error names the call and the labels of what it was given, in several lines. */
function refusalOf(error: GPUError): GpuFailure {
  const message = error.message.trim().replaceAll(/\s*\n\s*/g, ' ');
  return error instanceof GPUOutOfMemoryError
    ? { kind: 'out-of-memory', message: `The GPU is out of memory: ${message}` }
    : { kind: 'invalid', message: `The GPU refused an operation: ${message}` };
}

function failed(kind: 'out-of-memory' | 'invalid', message: string): GpuResult<never> {
  return { ok: false, failure: { kind, message } };
}

/** The value of a result; throws {@link GpuError} where there is none. */
export function unwrap<T>(result: GpuResult<T>): T {
  if (!result.ok) throw new GpuError(result.failure);
  return result.value;
}

/**
 * Opens the fastest adapter with its own limits and every optional feature the engine knows.
 * @param gpu `navigator.gpu` of a worker, or Dawn's in Node.
 */
export async function openGpu(gpu: GPU, options: GpuOptions = {}): Promise<GpuResult<Gpu>> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return noAdapter('This browser offers no WebGPU adapter.');
  const features = availableFeatures(adapter, options.without ?? []);
  const requiredLimits = Object.fromEntries(
    LIMIT_NAMES.map((name) => [name, adapter.limits[name]]),
  );
  const requiredFeatures = (Object.keys(FEATURE_NAMES) as (keyof GpuFeatures)[])
    .filter((feature) => features[feature])
    .map((feature) => FEATURE_NAMES[feature]);
  try {
    const device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
    return { ok: true, value: new Gpu(device, adapter.info, features, gpu) };
  } catch (error) {
    return noAdapter(`The GPU could not be opened: ${messageOf(error)}`);
  }
}

/** How an adapter calls itself; empty where it says nothing. */
export function adapterName({ description, vendor, architecture }: GPUAdapterInfo): string {
  return description || [vendor, architecture].filter(Boolean).join(' ');
}

function noAdapter(message: string): GpuResult<never> {
  return { ok: false, failure: { kind: 'no-adapter', message } };
}

function availableFeatures(
  adapter: GPUAdapter,
  without: readonly (keyof GpuFeatures)[],
): GpuFeatures {
  const has = (feature: keyof GpuFeatures): boolean =>
    adapter.features.has(FEATURE_NAMES[feature]) && !without.includes(feature);
  return { f16: has('f16'), subgroups: has('subgroups'), timestamps: has('timestamps') };
}
