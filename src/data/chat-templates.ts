import type { TrainingConfig } from '../config';

export type ChatTemplateName = TrainingConfig['chat_template'];

/** In front once, where the tokenizer has a beginning-of-text at all. */
const BEGIN = '{%- if bos_token %}{{- bos_token }}{%- endif %}';

const LLAMA3 =
  BEGIN +
  `{%- for message in messages %}
{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
{{- (message['content'] | trim) + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}`;

const CHATML =
  BEGIN +
  `{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}`;

const ALPACA =
  BEGIN +
  `{%- if messages and messages[0]['role'] == 'system' %}
{{- messages[0]['content'] }}
{%- else %}
{{- 'Below is an instruction that describes a task. Write a response that appropriately completes the request.' }}
{%- endif %}
{%- for message in messages %}
{%- if message['role'] == 'user' %}
{{- '\\n\\n### Instruction:\\n' + message['content'] }}
{%- elif message['role'] == 'assistant' %}
{{- '\\n\\n### Response:\\n' + message['content'] }}
{%- if eos_token %}{{- eos_token }}{%- endif %}
{%- elif not (loop.first and message['role'] == 'system') %}
{{- raise_exception('The Alpaca template has a system text in front, then user and assistant turns only.') }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '\\n\\n### Response:\\n' }}
{%- endif %}`;

/**
 * The built-in chat templates, as Jinja that transformers renders to the same text. None adds a system turn of its own; Llama 3 trims
 * contents, ChatML and Alpaca do not.
 */
export const BUILT_IN_TEMPLATES: Readonly<Record<Exclude<ChatTemplateName, 'auto'>, string>> = {
  llama3: LLAMA3,
  chatml: CHATML,
  alpaca: ALPACA,
};

/** The Jinja template that a configuration means: `auto` is the model's own, and Alpaca for a model without one. */
export function chatTemplate(
  name: ChatTemplateName,
  tokenizer: { readonly chatTemplate: string | null },
): string {
  if (name === 'auto') return tokenizer.chatTemplate ?? BUILT_IN_TEMPLATES.alpaca;
  return BUILT_IN_TEMPLATES[name];
}
