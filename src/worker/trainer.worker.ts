/** The worker that holds the GPU: everything that trains and answers is put together here. */

import { expose } from 'comlink';
import { exposeLater } from './expose-later';
import { GpuAccess } from './gpu-access';
import { pageModels } from './page-models';
import { openServices } from './services';
import { TrainerService, workerHost } from './trainer-service';

async function start(): Promise<TrainerService> {
  const services = await openServices();
  // Typed as always there; in a browser without WebGPU it is not.
  const gpu = new GpuAccess(() => navigator.gpu);
  return new TrainerService(services, pageModels(services), gpu, workerHost());
}

expose(exposeLater(start()));
