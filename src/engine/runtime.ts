/** A device with what running plans on it takes. */

import { CompiledPlan } from './compiled-plan';
import type { Gpu } from './gpu';
import { KernelCache } from './kernels';
import type { Plan } from './plan';
import { SubmissionPacer } from './submission-pacer';

/** One open GPU, its compiled kernels and the pace of its submissions; everything on one device shares one of these. */
export class Runtime {
  readonly kernels: KernelCache;
  readonly pacer: SubmissionPacer;

  constructor(readonly gpu: Gpu) {
    this.kernels = new KernelCache(gpu);
    this.pacer = new SubmissionPacer(gpu);
  }

  compile(plan: Plan): Promise<CompiledPlan> {
    return CompiledPlan.compile(this.gpu, this.kernels, plan);
  }

  /** Submits a plan; resolves when its last piece is submitted. @throws whatever `signal` was aborted with */
  run(plan: CompiledPlan, signal?: AbortSignal): Promise<void> {
    return plan.run(this.pacer, signal);
  }

  /** Resolves when all submitted work is done. */
  idle(): Promise<void> {
    return this.pacer.idle();
  }
}
