import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '../errors';
import type { FileFolder } from '../formats/byte-source';
import type { Checkpoint } from '../train/checkpoint';
import { decodeCheckpoint, encodeCheckpoint, HEADER_FILE } from '../train/checkpoint-files';
import { metricsLine, type StepMetrics } from '../train/metrics';
import { openNodeFolder, statOf } from './node-files';
import { inNewFolders, isEmptyFolder, writeDurably, type NamedContent } from './output';
import { callerPath } from './paths';

const METRICS = 'metrics.jsonl';
/** What is appended to a checkpoint's name while it is exchanged. */
const NEXT = '.next';
const PREVIOUS = '.previous';

/** The checkpoints that a run keeps: the last one, and where it evaluates, the one with the lowest evaluation loss. */
export type CheckpointName = 'checkpoint' | 'best';

/** The folder that a run writes: its checkpoints, its metrics as they come, and at the end what it made. */
export class RunFolder {
  #metrics: number | undefined;

  private constructor(
    /** As the caller gave it. */
    readonly given: string,
    private readonly path: string,
  ) {}

  /** Claims `--out` for a new run, and writes nothing yet: nothing may lie there but an empty folder. */
  static async claim(given: string): Promise<RunFolder> {
    const path = callerPath(given);
    await isEmptyFolder(path, given);
    return new RunFolder(given, path);
  }

  /** The folder of a run that is to go on. */
  static open(given: string): RunFolder {
    return new RunFolder(given, callerPath(given));
  }

  /** The last complete checkpoint of that name; undefined where there is none. */
  async readCheckpoint(name: CheckpointName): Promise<Checkpoint | undefined> {
    const folder = await this.#completeFolder(name);
    if (folder === undefined) return undefined;
    return decodeCheckpoint(inFolder(`${name}/`, await openNodeFolder(folder)));
  }

  /**
   * Replaces a checkpoint. At every moment a complete one can be read: the new one is written beside the old one, and only then takes
   * its name.
   */
  async saveCheckpoint(name: CheckpointName, checkpoint: Checkpoint): Promise<void> {
    const files = await encodeCheckpoint(checkpoint);
    const last = join(this.path, name);
    const [next, previous] = [`${last}${NEXT}`, `${last}${PREVIOUS}`];
    await this.#writing(async () => {
      const complete = await this.#completeFolder(name);
      if (complete !== undefined && complete !== last) await rename(complete, last);
      await rm(next, { recursive: true, force: true });
      await mkdir(next, { recursive: true });
      for (const file of files) await writeDurably(join(next, file.name), file.bytes);
      await rm(previous, { recursive: true, force: true });
      if ((await statOf(last)) !== undefined) await rename(last, previous);
      await rename(next, last);
      await rm(previous, { recursive: true, force: true });
    });
  }

  /** Begins the file of metrics with those of the steps that are done. */
  async beginMetrics(done: readonly StepMetrics[]): Promise<void> {
    const lines = done.map((metrics) => `${metricsLine(metrics)}\n`).join('');
    await this.#replace({ name: METRICS, content: new TextEncoder().encode(lines) });
    this.#metrics = openSync(join(this.path, METRICS), 'a');
  }

  /** Adds a line to the metrics; it is on disk when this returns. */
  addMetrics(metrics: StepMetrics): void {
    if (this.#metrics === undefined) throw new Error('the file of metrics is not begun');
    writeSync(this.#metrics, `${metricsLine(metrics)}\n`);
    fdatasyncSync(this.#metrics);
  }

  /** Writes what the run made, each file complete or not at all. */
  async finish(files: AsyncIterable<NamedContent> | Iterable<NamedContent>): Promise<void> {
    for await (const file of files) await this.#replace(file);
  }

  close(): void {
    if (this.#metrics !== undefined) closeSync(this.#metrics);
    this.#metrics = undefined;
  }

  /** Where the last complete checkpoint of that name lies: under its name, unless an exchange was interrupted. */
  async #completeFolder(name: CheckpointName): Promise<string | undefined> {
    const last = join(this.path, name);
    if ((await statOf(last)) !== undefined) return last;
    for (const folder of [`${last}${NEXT}`, `${last}${PREVIOUS}`]) {
      if ((await statOf(join(folder, HEADER_FILE))) !== undefined) return folder;
    }
    return undefined;
  }

  async #replace({ name, content }: NamedContent): Promise<void> {
    const draft = join(this.path, `.${name}.partial`);
    await this.#writing(async () => {
      await rm(draft, { force: true });
      await writeDurably(draft, content);
      await rename(draft, join(this.path, name));
    });
  }

  #writing(work: () => Promise<void>): Promise<void> {
    return inNewFolders(dirname(this.path), work);
  }
}

/** A folder whose files call themselves by their path in the folder around it. */
function inFolder(prefix: string, folder: FileFolder): FileFolder {
  return {
    ...folder,
    async open(file) {
      const source = await folder.open(file);
      return source && { ...source, name: `${prefix}${source.name}` };
    },
  };
}

/** The sentence for a run that has nothing to go on from. */
export function noCheckpoint(given: string): InputError {
  return new InputError('there is no checkpoint to resume from; leave --resume out', {
    file: given,
  });
}
