/** Pipelines of linked shaders, each compiled once for a device. */

import type { Gpu } from './gpu';
import type { Plan } from './plan';
import { kernelKey, linkShader, type KernelSpec, type LinkedShader } from './shader-library';

/** Told how many of the kernels that were asked for so far are compiled. */
export type CompileListener = (compiled: number, asked: number) => void;

/** The compiled kernels of one device. */
export class KernelCache {
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #watchers = new Set<CompileListener>();
  #compiled = 0;

  constructor(private readonly gpu: Gpu) {}

  /**
   * The pipeline of a kernel; compiled on first use, in parallel with others.
   * @throws Error that names the kernel, the module and the line where a shader does not compile.
   */
  pipeline(spec: KernelSpec): Promise<GPUComputePipeline> {
    const key = kernelKey(spec);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      const conditions = { ...adapterConditions(this.gpu), ...spec.conditions };
      pipeline = compile(this.gpu.device, { ...spec, conditions }, key);
      this.#pipelines.set(key, pipeline);
      pipeline.then(
        () => this.#tell(),
        () => undefined,
      );
    }
    return pipeline;
  }

  /** Tells of every kernel that is compiled from now on. @returns what ends that */
  watch(listener: CompileListener): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  /** The pipelines of a plan's dispatches, in its order; its tensors need no memory yet. */
  pipelines(plan: Plan): Promise<GPUComputePipeline[]> {
    return Promise.all(plan.kernels.map((kernel) => this.pipeline(kernel)));
  }

  #tell(): void {
    this.#compiled += 1;
    for (const listener of this.#watchers) listener(this.#compiled, this.#pipelines.size);
  }
}

/**
 * Conditions that choose between the forms of a kernel for different adapters. They follow from the adapter alone: the same machine
 * always runs the same form, and so gives the same bits. A spec that needs another form says so in its own conditions.
 */
function adapterConditions({ softwareLanes }: Gpu): Record<string, boolean> {
  return {
    subgroup_tile: softwareLanes === 4 || softwareLanes === 8,
    subgroups_of_8: softwareLanes === 8,
  };
}

async function compile(
  device: GPUDevice,
  spec: KernelSpec,
  key: string,
): Promise<GPUComputePipeline> {
  const linked = await linkShader(spec);
  const module = device.createShaderModule({ label: key, code: linked.code });
  try {
    return await device.createComputePipelineAsync({
      label: key,
      layout: 'auto',
      compute: { module, entryPoint: spec.entry ?? 'main' },
    });
  } catch (error) {
    const complaints = await compilationErrors(module, linked);
    throw new Error(`kernel ${key} does not compile:\n${complaints || String(error)}`, {
      cause: error,
    });
  }
}

async function compilationErrors(module: GPUShaderModule, linked: LinkedShader): Promise<string> {
  const { messages } = await module.getCompilationInfo();
  return messages
    .filter((message) => message.type === 'error')
    .map(({ lineNum, linePos, message }) => `${linked.sourceOf(lineNum, linePos)}: ${message}`)
    .join('\n');
}
