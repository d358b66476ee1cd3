import { InputError } from '../../errors';
import { peftAdapterFiles } from '../../formats/peft-adapter';
import { adapterCard } from '../../train/model-card';
import { defineCommand } from '../command';
import {
  headQuantization,
  model,
  out,
  precision,
  quantization,
  requiredAdapter,
} from '../common-options';
import { openAdapter, openModel } from '../model-input';
import { choice, optional, required } from '../options';
import { outputFolder } from '../output';

const ADAPTER_FORMATS = ['peft', 'gguf-lora', 'mlx'] as const;
const MERGED_FORMATS = ['merged-safetensors', 'merged-gguf'] as const;
const FLOAT_TYPES = ['f32', 'f16', 'bf16'] as const;
const GGUF_TYPES = ['q8_0', 'q4_0', 'q4_k'] as const;

const format = required(
  { placeholder: 'F', help: [...ADAPTER_FORMATS, ...MERGED_FORMATS].join(', ') },
  choice([...ADAPTER_FORMATS, ...MERGED_FORMATS]),
);

const dtype = optional(
  {
    placeholder: 'T',
    help: `the type of a merged model's weights: ${[...FLOAT_TYPES, ...GGUF_TYPES].join(', ')} (default f16)`,
  },
  choice([...FLOAT_TYPES, ...GGUF_TYPES]),
);

/** Writes an adapter in the form that another program loads. */
export const exportCommand = defineCommand({
  name: 'export',
  summary: 'writes an adapter, or the model with it merged in, for other programs',
  options: {
    model,
    adapter: requiredAdapter,
    format,
    out: out('PATH', 'the folder to write, or the file for the GGUF formats'),
    dtype,
    quantization,
    headQuantization,
    precision,
  },
  async work(values) {
    refuseContradictions(values.format, values.dtype);
    const folder = await outputFolder(values.out);
    const llama = await openModel(values.model);
    const lora = await openAdapter(values.adapter, llama);
    const files = peftAdapterFiles(lora).map(({ name, bytes }) => ({ name, content: bytes }));
    const card = adapterCard(lora.config.base_model_name_or_path ?? values.model);
    files.push({ name: 'README.md', content: new TextEncoder().encode(card) });
    await folder.write(files);
    return { out: values.out };
  },
});

function refuseContradictions(
  wanted: (typeof ADAPTER_FORMATS)[number] | (typeof MERGED_FORMATS)[number],
  type: (typeof FLOAT_TYPES)[number] | (typeof GGUF_TYPES)[number] | undefined,
): void {
  const isAdapter = ADAPTER_FORMATS.some((one) => one === wanted);
  if (type !== undefined && isAdapter) {
    throw new InputError(`--dtype is for merged models, and ${wanted} is an adapter`);
  }
  if (wanted === 'merged-safetensors' && GGUF_TYPES.some((one) => one === type)) {
    throw new InputError(`--dtype ${type ?? ''} is a GGUF type, and safetensors cannot hold it`);
  }
  if (wanted !== 'peft') {
    throw new InputError(`--format ${wanted} is not there yet; --format peft is`);
  }
}
