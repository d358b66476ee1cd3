import { configKeys, type TrainingConfig } from '../config';
import type { StepMetrics } from './metrics';

/** What a model card says of a run. */
export interface ModelCardFacts {
  /** The base model, as PEFT is to find it. */
  baseModel: string;
  config: TrainingConfig;
  data: {
    /** Names of the files. */
    files: readonly string[];
    examples: number;
    tokens: number;
    trainedTokens: number;
  };
  metrics: readonly StepMetrics[];
}

/** Steps whose losses are averaged into the first and the last figure of a card, since one step's loss is noisy. */
const AVERAGED_STEPS = 10;

/**
 * The README.md that goes with what a run made: what it is, what it was made from and how, its losses, how to load it. Names that people
 * chose are put in quotes or code, so that none of them becomes markup.
 */
export function modelCard(facts: ModelCardFacts): string {
  const { config, baseModel } = facts;
  const isAdapter = config.method !== 'full';
  return [
    ...frontMatter(baseModel, isAdapter),
    isAdapter ? '# LoRA adapter' : '# Fine-tuned model',
    '',
    `${isAdapter ? 'An adapter for' : 'All weights of'} ${code(baseModel)}, trained by ${METHODS[config.method]} with Tunesmith.`,
    '',
    '## Data',
    '',
    ...data(facts.data),
    '',
    '## Training',
    '',
    ...losses(facts.metrics),
    '',
    '| setting | value |',
    '| --- | --- |',
    ...configKeys().map((key) => `| ${key} | ${code(JSON.stringify(config[key]))} |`),
    '',
    ...use(isAdapter ? adapterUse(baseModel) : modelUse),
  ].join('\n');
}

/** The README.md of an adapter that somebody else may have trained: what it belongs to and how to load it. */
export function adapterCard(baseModel: string): string {
  return [
    ...frontMatter(baseModel, true),
    '# LoRA adapter',
    '',
    `An adapter for ${code(baseModel)}, as Tunesmith has written it for PEFT.`,
    '',
    ...use(adapterUse(baseModel)),
  ].join('\n');
}

const METHODS = {
  qlora: 'QLoRA (its frozen weights in 4 bits)',
  lora: 'LoRA',
  full: 'full fine-tuning',
} as const satisfies Record<TrainingConfig['method'], string>;

function frontMatter(baseModel: string, isAdapter: boolean): string[] {
  return [
    '---',
    `base_model: ${JSON.stringify(baseModel)}`,
    `library_name: ${isAdapter ? 'peft' : 'transformers'}`,
    'pipeline_tag: text-generation',
    `tags: [tunesmith${isAdapter ? ', lora' : ''}]`,
    '---',
    '',
  ];
}

function data({ files, examples, tokens, trainedTokens }: ModelCardFacts['data']): string[] {
  const counts = `${examples} examples, ${tokens} tokens, of which ${trainedTokens} were trained`;
  return [`${counts}, from:`, '', ...files.map((file) => `- ${code(file)}`)];
}

function losses(metrics: readonly StepMetrics[]): string[] {
  const last = metrics.at(-1);
  if (last === undefined) return ['No step was done.'];
  const trained = metrics.reduce((sum, step) => sum + step.trained_tokens, 0);
  const first = meanLoss(metrics.slice(0, AVERAGED_STEPS));
  const end = meanLoss(metrics.slice(-AVERAGED_STEPS));
  const lines = [
    `${last.step} steps (${last.epoch.toFixed(2)} epochs) over ${trained} trained tokens in ${Math.round(last.seconds)} s.`,
    `Training loss, mean over the first and the last steps: ${first} and ${end}.`,
  ];
  const evaluated = metrics.filter(({ eval_loss: loss }) => loss !== undefined);
  const evaluations = evaluated.map(({ eval_loss: loss = NaN }) => loss);
  const lastEvaluation = evaluations.at(-1);
  if (lastEvaluation !== undefined) {
    const best = Math.min(...evaluations.filter(Number.isFinite));
    lines.push(
      `Loss on the examples that were held out: ${best.toFixed(4)} at best, ${lastEvaluation.toFixed(4)} at the last evaluation.`,
    );
  }
  return lines;
}

/** Mean over the trained tokens of the steps. */
function meanLoss(steps: readonly StepMetrics[]): string {
  const tokens = steps.reduce((sum, step) => sum + step.trained_tokens, 0);
  const total = steps.reduce((sum, step) => sum + step.loss * step.trained_tokens, 0);
  return (total / tokens).toFixed(4);
}

function use(lines: readonly string[]): string[] {
  return ['## Use', '', '```python', ...lines, '```', ''];
}

function adapterUse(baseModel: string): string[] {
  const name = JSON.stringify(baseModel);
  return [
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    `model = AutoModelForCausalLM.from_pretrained(${name})`,
    'model = PeftModel.from_pretrained(model, "path/to/this/folder")',
    `tokenizer = AutoTokenizer.from_pretrained(${name})`,
  ];
}

const modelUse = [
  'from transformers import AutoModelForCausalLM, AutoTokenizer',
  '',
  'model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")',
  'tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")',
];

/** A Markdown code span on one line, fenced by more backquotes than it holds. */
function code(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}
