import type { DatasetWorker, TrainerWorker } from './api';
import datasetScript from './dataset.worker?worker&url';
import trainerScript from './trainer.worker?worker&url';
import { PageWorker, type WorkerLink } from './worker-link';

/** The two workers as the page holds them. */
export interface Workers {
  readonly dataset: WorkerLink<DatasetWorker>;
  readonly trainer: WorkerLink<TrainerWorker>;
}

/** Starts the two workers. Their scripts are files of their own: nothing of them is in the page's script. */
export function startWorkers(): Workers {
  return {
    dataset: new PageWorker<DatasetWorker>('dataset', datasetScript),
    trainer: new PageWorker<TrainerWorker>('trainer', trainerScript),
  };
}
