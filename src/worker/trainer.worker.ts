/** The worker that holds the GPU: everything that trains and answers is put together here. */

import { expose } from 'comlink';
import { exposeLater } from './expose-later';
import { GpuAccess } from './gpu-access';
import { pageModels } from './page-models';
import { openServices } from './services';
import { TrainerService, workerHost } from './trainer-service';

async function start(): Promise<TrainerService> {
  const started: { service?: TrainerService } = {};
  const services = await openServices(() => started.service?.isTraining === true);
  // Typed as always there; in a browser without WebGPU it is not.
  const gpu = new GpuAccess(() => navigator.gpu);
  started.service = new TrainerService(services, pageModels(services), gpu, workerHost());
  return started.service;
}

expose(exposeLater(start()));
