/** The worker that reads and tokenises data: apart from the GPU's, so that a tokenizer which hangs can be ended without ending a run. */

import { expose } from 'comlink';
import { DatasetService } from './dataset-service';
import { exposeLater } from './expose-later';
import { pageModels } from './page-models';
import { openServices } from './services';

async function start(): Promise<DatasetService> {
  const services = await openServices();
  return new DatasetService(services, pageModels(services), navigator.locks);
}

expose(exposeLater(start()));
