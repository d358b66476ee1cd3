import type { TargetModule } from '../config';

/** What `adapter_config.json` says of a LoRA adapter, under its own names. */
export interface PeftAdapterConfig {
  readonly base_model_name_or_path: string | null;
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  readonly use_rslora: boolean;
  readonly target_modules: readonly TargetModule[];
}

/** The two factors of one linear layer's update: scale x B A. */
export interface LoraWeights {
  /** [r, in] */
  readonly A: Float32Array<ArrayBuffer>;
  /** [out, r] */
  readonly B: Float32Array<ArrayBuffer>;
}

export interface LoraAdapter {
  readonly config: PeftAdapterConfig;
  /** By the linear layer's name without prefix, such as `layers.0.self_attn.q_proj`. */
  readonly weights: ReadonlyMap<string, LoraWeights>;
}
