import type { ByteSource, FileFolder } from '../formats/byte-source';

/** Folders of files that this program writes: in the browser the origin-private file system. */
export interface FileStore {
  folders(): Promise<string[]>;
  /** The folder of that name, made where there is none. Any name will do. */
  folder(name: string): Promise<StoredFolder>;
  /** Deletes a folder and all in it, if it is there. */
  remove(name: string): Promise<void>;
}

/** A flat folder that can be written to. */
export interface StoredFolder {
  readonly name: string;
  /** Bytes of each file. */
  sizes(): Promise<Map<string, number>>;
  /** The file as it is now, or undefined where there is none. */
  open(file: string): Promise<ByteSource | undefined>;
  /** Opens a file, made where there is none, to go on writing behind its last byte. One writer at a time. */
  append(file: string): Promise<FileAppender>;
  /** Deletes a file, if it is there. */
  remove(file: string): Promise<void>;
}

/** A file that is being written. It is a ByteSink as datasets want it. */
export interface FileAppender {
  /** Bytes in the file so far. */
  readonly size: number;
  append(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Exactly `length` bytes from `offset` on. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Resolves when all that was appended is on disk. */
  flush(): Promise<void>;
  /** Ends the writing; what was appended stays. */
  close(): Promise<void>;
}

/** A stored folder as models are read from it. The list of files is that of now. */
export async function asFileFolder(folder: StoredFolder, name: string): Promise<FileFolder> {
  const files = [...(await folder.sizes()).keys()];
  return { name, files, open: (file) => folder.open(file) };
}
