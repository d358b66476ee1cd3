import type { FileFolder } from './byte-source';
import type { LlamaConfig } from './llama-config';
import type { StoredWeight } from './stored-weight';

export type { DenseWeight, Nf4Absmax, Nf4Weight, StoredWeight } from './stored-weight';

/** A Llama as Hugging Face lays it out in a folder: its configuration and where each of its weights lies, all checked. */
export interface LlamaFolder {
  readonly name: string;
  /** The folder itself, for the tokenizer's files. */
  readonly folder: FileFolder;
  readonly config: LlamaConfig;
  /** Module names as Hugging Face spells them, such as `model.layers.0.self_attn.q_proj.weight`. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** Throws where the model has no weight of that name. */
  weight(name: string): StoredWeight;
}
