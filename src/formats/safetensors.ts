import type { ByteSource } from './byte-source';
import type { SafetensorsDtype } from './tensor-dtype';

/** Where one tensor of a safetensors file lies. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly source: ByteSource;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** The checked header of a safetensors file. */
export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes in the file. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}
