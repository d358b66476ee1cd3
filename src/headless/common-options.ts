import type { Precision } from '../config';
import { choice, optional, required, several, text } from './options';

const PRECISIONS: readonly Precision[] = ['auto', 'f32', 'f16'];

/** Options that several commands take, each described once. */
export const model = required(
  {
    placeholder: 'M',
    help: 'the model: a folder as Hugging Face lays it out (config.json, safetensors, tokenizer)',
  },
  text,
);

const ADAPTER = { placeholder: 'DIR', help: 'a PEFT adapter for this model: its folder' };
export const adapter = optional(ADAPTER, text);
export const requiredAdapter = required(ADAPTER, text);

export const data = several({
  placeholder: 'D ...',
  help: 'files (.txt, .md, .json, .jsonl), or folders that stand for theirs, sorted by name',
});

export const quantization = optional(
  {
    placeholder: 'Q',
    help: 'as-is: weights in their own type; nf4: the seven linears of each block in 4 bits; none: all dense',
  },
  choice(['as-is', 'nf4', 'none']),
);

export const headQuantization = optional(
  { placeholder: 'none|q8_0', help: 'the type of embedding and head' },
  choice(['none', 'q8_0']),
);

export const precision = optional(
  {
    placeholder: 'auto|f32|f16',
    help: 'how kept activations and cached keys are stored: auto (default): f16 where the adapter has it; f32; f16',
  },
  choice(PRECISIONS),
);

export const config = optional(
  { placeholder: 'C.json', help: 'the training configuration; what it leaves out has its default' },
  text,
);

/** An `--out` that names what the command writes. */
export function out(placeholder: string, help: string) {
  return required({ placeholder, help }, text);
}
