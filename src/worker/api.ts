/**
 * What the page asks of its workers and what it is told: types only. Everything here crosses `postMessage` through comlink, so values are
 * structured-clonable; callbacks are wrapped with `Comlink.proxy` by `client.ts` and return nothing that is waited for.
 *
 * Two workers, so that a tokenizer that hangs never stops a run and can be ended:
 * - `dataset.worker.ts` exposes {@link DatasetWorker}: reading, tokenising and showing data;
 * - `trainer.worker.ts` exposes {@link TrainerWorker}: GPU, models, runs, answers, downloads.
 * They share the storage, never memory: a dataset or a model that one has stored, the other opens by its id.
 *
 * Errors keep their `name` and `message` on the way (comlink drops other fields); `message` is always one sentence fit to be shown:
 * - `InputError`   a person's file, setting or name is wrong: what, where, what to do;
 * - `AbortError`   the operation was cancelled with `cancel`;
 * - `QuotaError`   the storage is full; nothing that was stored before is lost;
 * - `LockError`    another tab holds the GPU;
 * - `DeviceError`  no usable GPU, or it was lost and could not be had again.
 * Anything else is a fault of ours and is shown as such.
 */
import type { TrainingConfig } from '../config';
import type {
  DatasetRow,
  DatasetSummary,
  Progress,
  TokenPreview,
  Tokenization,
} from './dataset-types';
import type {
  Answers,
  AnswerPiece,
  AskRequest,
  Forecast,
  ModelSummary,
  Probe,
  RunDetail,
  RunRequest,
  RunSummary,
  Sampling,
  Suggestion,
  TrainerEvent,
} from './trainer-types';

export type * from './dataset-types';
export type * from './trainer-types';

/** Called at once, then at most ten times a second, and once at the end of each activity. */
export type ProgressListener = (progress: Progress) => void;

/** Reads, tokenises and shows data. One import at a time: a new one cancels the one before. */
export interface DatasetWorker {
  /**
   * Keeps copies of the files, parses and tokenises them in a stream, and makes the result the current dataset. Resolves when all is
   * stored, also when no example was found (`examples` 0, the reasons in `problems`): a bad line or file is a problem, not an error.
   * @throws InputError when the model has no tokenizer here yet, or its template or tokenizer is unusable; AbortError; QuotaError
   */
  importFiles(
    files: File[],
    tokenization: Tokenization,
    onProgress: ProgressListener,
  ): Promise<DatasetSummary>;

  /**
   * Tokenises the kept files of a dataset again, for another model, template or sequence length. The id stays; until it resolves, the
   * old tokens are what `rows` and `tokens` show. Resolves at once when nothing differs. Errors as `importFiles`.
   */
  retokenize(
    datasetId: string,
    tokenization: Tokenization,
    onProgress: ProgressListener,
  ): Promise<DatasetSummary>;

  /** The dataset that the page had last, or null: asked once on load. Reads only what is stored; within a second. */
  current(): Promise<DatasetSummary | null>;

  /** Rows `[offset, offset + count)`, fewer at the end; `count` at most 200. Answers in milliseconds wherever the offset lies. */
  rows(datasetId: string, offset: number, count: number): Promise<DatasetRow[]>;

  /** The tokens of example `index`, as training will see them. @throws InputError when there is no such example */
  tokens(datasetId: string, index: number): Promise<TokenPreview>;

  /** Forgets the current dataset; its copies go too, unless a run still needs them. */
  remove(datasetId: string): Promise<void>;

  /** Cancels the import under way: its promise rejects with AbortError, the dataset before it stays. Resolves when it has ended. */
  cancel(): Promise<void>;
}

/** What can be cancelled in the trainer's worker; of each there is at most one at a time. */
export type TrainerOperation = 'install' | 'ask' | 'download';

/** GPU, models, runs, answers and downloads. */
export interface TrainerWorker {
  /**
   * Asks for an adapter and reads its limits, features and the storage's estimate; downloads nothing, allocates nothing. Never throws for
   * a missing GPU: that is a `gpu.status`. May be called again (after a driver was updated or a flag was set).
   */
  probe(): Promise<Probe>;

  /**
   * Sets the one listener of events; it replaces any before. Told at once: the lock's state and, where there is one, the state of the run
   * at work. Steps, samples and notices follow as they
   * happen, in order.
   */
  listen(listener: (event: TrainerEvent) => void): Promise<void>;

  /** The starter, what is installed, and the catalogue, in the order in which a person should see them. */
  models(): Promise<ModelSummary[]>;

  /**
   * Looks a hub repository up (its configuration and list of files: a few kB from the model host) without downloading its weights.
   * @param repository `owner/name`, or the address of its page on the hub
   * @throws InputError when it does not exist, is gated, or is of another architecture; AbortError where its 'install' is cancelled
   */
  findModel(repository: string): Promise<ModelSummary>;

  /**
   * Downloads a model of `models` or `findModel` into the origin-private file system, going on where an earlier attempt stopped, and checks it against
   * the hub's hashes before it counts as installed. Resolves at once when it is installed already.
   * @throws InputError (not a Llama, a hash that differs, the host does not answer), AbortError (what has arrived is kept), QuotaError
   */
  installModel(modelId: string, onProgress: ProgressListener): Promise<ModelSummary>;

  /**
   * Copies a model's files that the person dropped (`config.json`, safetensors, tokenizer) and checks them, so that a reload finds it again.
   * Errors as `installModel`; after an error nothing of it is left.
   *
   * @param folder what the model is called; empty where the files lay in none
   */
  installFiles(folder: string, files: File[], onProgress: ProgressListener): Promise<ModelSummary>;

  /** Deletes an installed or half-downloaded model. @throws InputError while the run at work needs it */
  removeModel(modelId: string): Promise<void>;

  /** Settings, prompts and sampling interval chosen from the model and the data's size. */
  suggest(modelId: string, datasetId: string): Promise<Suggestion>;

  /**
   * Memory and steps of a run before anything is allocated. Works for a catalogue model that is not installed.
   * @param datasetId null before there is any data: the longest sequence the configuration allows is assumed
   * @throws InputError when the configuration contradicts itself or the model
   */
  forecast(modelId: string, datasetId: string | null, config: TrainingConfig): Promise<Forecast>;

  /**
   * About how many seconds a run takes: by an earlier run of the model on this GPU, else by timing the GPU on a part of the model, which takes
   * about a second on a software GPU once its shaders are compiled, and happens once a session. Works for a model that is not installed.
   * Whatever else needs the GPU puts the timing aside.
   * @returns null where it cannot be known now: a run or an answer is at work, here or in another tab, or the GPU is missing or lost
   * @throws InputError as `forecast`
   */
  duration(
    modelId: string,
    datasetId: string,
    config: TrainingConfig,
    sampling: Sampling,
  ): Promise<number | null>;

  /**
   * Starts a run: takes the lock, stores the run, and resolves with it in phase `preparing`; all that follows is events.
   * @throws InputError (settings, model not installed, nothing to train on), LockError, DeviceError, QuotaError
   */
  train(request: RunRequest): Promise<RunDetail>;

  /**
   * Pauses the run at work within one micro-batch or token, also while it is loaded, evaluated, sampled or waits for a lost GPU. Resolves
   * when the GPU has stopped; event `run` with phase `paused` comes before.
   */
  pause(): Promise<void>;

  /**
   * Goes on: at once with a paused run; from its last checkpoint with one that is interrupted, stopped or failed (then it is prepared first).
   * Resolves when the phase has changed. Errors as `train`, and InputError when the run has no checkpoint or is finished.
   */
  resume(runId: string): Promise<void>;

  /** Stops the run at work within one micro-batch and keeps its adapter. Resolves when its checkpoint is stored. */
  stop(): Promise<void>;

  /** All runs, newest first. */
  runs(): Promise<RunSummary[]>;

  /** A run with its metrics, samples and notices. @throws InputError when there is no such run */
  openRun(runId: string): Promise<RunDetail>;

  /**
   * The run to come back to on load: the one at work in this worker, else the newest that was not closed by `forget`. One that was
   * training when its tab ended has phase `interrupted`. Null when there is none. Answers within a second.
   */
  lastRun(): Promise<RunDetail | null>;

  renameRun(runId: string, name: string): Promise<void>;

  /** Deletes a run, its checkpoints and metrics. @throws InputError while it is at work */
  deleteRun(runId: string): Promise<void>;

  /**
   * Asks the untouched model and the tuned one the same question, one after the other, base first, each token told as it comes.
   * Loads the model first where needed (`onProgress`). The run may be paused, interrupted, stopped or finished.
   * @throws InputError (a run at work, a run without checkpoint, an empty question), AbortError, LockError, DeviceError
   */
  ask(
    request: AskRequest,
    onPiece: (piece: AnswerPiece) => void,
    onProgress: ProgressListener,
  ): Promise<Answers>;

  /**
   * Writes the zip of a run's adapter as a stream into the origin-private file system and resolves with that file, whose bytes stay on disk: the page
   * saves it through an object URL. Its name is the download's name. The kept file is deleted at the next load.
   * @throws InputError when the run has no checkpoint yet, AbortError, QuotaError
   */
  download(runId: string, onProgress: ProgressListener): Promise<File>;

  /** Cancels an operation: its promise rejects with AbortError. Resolves when it has ended, also when there was none. */
  cancel(operation: TrainerOperation): Promise<void>;
}
