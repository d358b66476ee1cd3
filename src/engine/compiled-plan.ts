/** Plans made ready for a device. */

import type { Gpu } from './gpu';
import type { KernelCache } from './kernels';
import { layoutParams } from './param-blocks';
import type { Command, Dispatch, Plan } from './plan';
import type { SubmissionPacer } from './submission-pacer';
import type { Tensor } from './tensor';

const UNIFORM = 0x40;
const COPY_DST = 0x08;

/** A dispatch with its pipeline and bind groups. */
export interface ReadyDispatch {
  readonly kind: 'dispatch';
  readonly source: Dispatch;
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly GPUBindGroup[];
}

/** A command that only needs encoding. */
export type ReadyCommand = ReadyDispatch | Exclude<Command, Dispatch>;

/** What every kernel launch costs at least, in multiply-adds: a launch is never free. */
const LAUNCH_COST = 100_000;

/** A plan whose tensors are allocated, with all that encoding needs. */
export class CompiledPlan {
  private constructor(
    readonly name: string,
    readonly commands: readonly ReadyCommand[],
    private readonly gpu: Gpu,
    private readonly params: GPUBuffer,
  ) {}

  /**
   * Compiles every pipeline in parallel and makes the bind groups.
   * @throws Error naming the dispatch where a shader or a binding is wrong.
   */
  static async compile(gpu: Gpu, kernels: KernelCache, plan: Plan): Promise<CompiledPlan> {
    const pipelines = await kernels.pipelines(plan);
    const { words, places } = layoutParams(plan, gpu.limits.minUniformBufferOffsetAlignment);
    const params = uploadParams(gpu, `${plan.name} params`, words);
    let next = 0;
    const commands = plan.commands.map((command): ReadyCommand => {
      if (command.kind !== 'dispatch') return command;
      const pipeline = pipelines[next];
      const place = places[next++];
      if (!pipeline || !place) throw new Error(`${command.label} was not compiled`);
      return ready(gpu.device, command, pipeline, { buffer: params, ...place });
    });
    return new CompiledPlan(plan.name, commands, gpu, params);
  }

  /**
   * Submits the whole plan in short pieces; resolves when the last piece is submitted, not when it is done.
   * @throws whatever `signal` was aborted with; no further piece is submitted then.
   */
  async run(pacer: SubmissionPacer, signal?: AbortSignal): Promise<void> {
    let start = 0;
    while (start < this.commands.length) {
      await pacer.room();
      signal?.throwIfAborted();
      const budget = pacer.budget;
      let cost = 0;
      let end = start;
      do cost += commandCost(this.commands[end++]);
      while (end < this.commands.length && cost < budget);
      const encoder = this.gpu.device.createCommandEncoder({ label: this.name });
      encodeCommands(encoder, this.commands.slice(start, end));
      this.gpu.device.queue.submit([encoder.finish()]);
      pacer.submitted(cost);
      start = end;
    }
  }

  destroy(): void {
    this.params.destroy();
    this.gpu.memory.remove('workspace', this.params.size);
  }
}

function commandCost(command: ReadyCommand | undefined): number {
  return command?.kind === 'dispatch' ? Math.max(command.source.cost, LAUNCH_COST) : LAUNCH_COST;
}

function encodeCommands(encoder: GPUCommandEncoder, commands: readonly ReadyCommand[]): void {
  let pass: GPUComputePassEncoder | undefined;
  for (const command of commands) {
    if (command.kind === 'dispatch') {
      pass ??= encoder.beginComputePass();
      encodeDispatch(pass, command);
      continue;
    }
    pass?.end();
    pass = undefined;
    if (command.kind === 'clear') {
      const { buffer, byteOffset, byteLength } = command.tensor;
      encoder.clearBuffer(buffer, byteOffset, byteLength);
    } else {
      const { from, to, bytes } = command;
      encoder.copyBufferToBuffer(from.buffer, from.byteOffset, to.buffer, to.byteOffset, bytes);
    }
  }
  pass?.end();
}

/** Encodes one launch into an open compute pass. */
export function encodeDispatch(pass: GPUComputePassEncoder, dispatch: ReadyDispatch): void {
  pass.setPipeline(dispatch.pipeline);
  dispatch.groups.forEach((group, index) => pass.setBindGroup(index, group));
  pass.dispatchWorkgroups(...dispatch.source.workgroups);
}

function ready(
  device: GPUDevice,
  dispatch: Dispatch,
  pipeline: GPUComputePipeline,
  params: GPUBufferBinding,
): ReadyDispatch {
  const bind = (group: number, resources: readonly GPUBufferBinding[]): GPUBindGroup =>
    device.createBindGroup({
      label: dispatch.label,
      layout: pipeline.getBindGroupLayout(group),
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
  const groups = [bind(0, [params, ...dispatch.tensors.map(binding)])];
  if (dispatch.weight) groups.push(bind(1, dispatch.weight.map(binding)));
  return { kind: 'dispatch', source: dispatch, pipeline, groups };
}

function binding(tensor: Tensor): GPUBufferBinding {
  return { buffer: tensor.buffer, offset: tensor.byteOffset, size: tensor.byteLength };
}

function uploadParams(gpu: Gpu, label: string, words: Uint32Array<ArrayBuffer>): GPUBuffer {
  const size = words.byteLength;
  const buffer = gpu.device.createBuffer({ label, size, usage: UNIFORM | COPY_DST });
  gpu.device.queue.writeBuffer(buffer, 0, words);
  gpu.memory.add('workspace', size);
  return buffer;
}
