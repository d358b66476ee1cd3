/** How long each dispatch of a plan takes, by the GPU's own clock. For benches: every dispatch is a pass of its own, which costs time. */

import { encodeDispatch, type CompiledPlan, type ReadyDispatch } from './compiled-plan';
import type { Gpu } from './gpu';
import type { Runtime } from './runtime';
import type { KernelSpec } from './shader-library';

const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const QUERY_RESOLVE = 0x200;
const MAP_READ = 0x01;
const MAP_MODE_READ = 0x01;
/** WebGPU allows 4,096 queries in a set. */
const DISPATCHES_PER_SET = 2048;

/** One dispatch as it ran. */
export interface DispatchTime {
  readonly label: string;
  readonly kernel: KernelSpec;
  readonly milliseconds: number;
  /** Multiply-adds, as the operation states them. */
  readonly cost: number;
}

/** Runs a plan's dispatches once, in order; its clears and copies are left out. The device must have timestamps. */
export async function profilePlan(runtime: Runtime, plan: CompiledPlan): Promise<DispatchTime[]> {
  const dispatches = plan.commands.filter((command) => command.kind === 'dispatch');
  const times: DispatchTime[] = [];
  for (let start = 0; start < dispatches.length; start += DISPATCHES_PER_SET) {
    const piece = dispatches.slice(start, start + DISPATCHES_PER_SET);
    const ticks = await timePiece(runtime.gpu, piece);
    piece.forEach(({ source }, index) => {
      const nanoseconds = Number((ticks[2 * index + 1] ?? 0n) - (ticks[2 * index] ?? 0n));
      const { label, kernel, cost } = source;
      times.push({ label, kernel, milliseconds: nanoseconds / 1e6, cost });
    });
  }
  return times;
}

async function timePiece(gpu: Gpu, dispatches: readonly ReadyDispatch[]): Promise<BigUint64Array> {
  const { device } = gpu;
  const count = 2 * dispatches.length;
  const size = 8 * count;
  const querySet = device.createQuerySet({ type: 'timestamp', count });
  const resolved = device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
  const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder({ label: 'profile' });
  dispatches.forEach((dispatch, index) => {
    const pass = encoder.beginComputePass({
      timestampWrites: {
        querySet,
        beginningOfPassWriteIndex: 2 * index,
        endOfPassWriteIndex: 2 * index + 1,
      },
    });
    encodeDispatch(pass, dispatch);
    pass.end();
  });
  encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await gpu.settled(staging.mapAsync(MAP_MODE_READ));
  const ticks = new BigUint64Array(staging.getMappedRange().slice(0));
  querySet.destroy();
  resolved.destroy();
  staging.destroy();
  return ticks;
}
