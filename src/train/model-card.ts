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

/** Steps whose losses are averaged into the first and the last figure of a card at most, since one step's loss is noisy. */
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
    ...(isAdapter ? adapterUse(baseModel) : use(MODEL_USE)),
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
    ...adapterUse(baseModel),
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
  const counts = `${counted(examples, 'example')}, ${counted(tokens, 'token')}, of which ${trainedTokens} were trained`;
  return [`${counts}, from:`, '', ...files.map((file) => `- ${code(file)}`)];
}

function losses(metrics: readonly StepMetrics[]): string[] {
  const last = metrics.at(-1);
  if (last === undefined) return ['No step was done.'];
  const trained = metrics.reduce((sum, step) => sum + step.trained_tokens, 0);
  const lines = [
    `${counted(last.step, 'step')} (${last.epoch.toFixed(2)} epochs) over ${counted(trained, 'trained token')} in ${Math.round(last.seconds)} s.`,
    trainingLoss(metrics),
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

/** At the beginning and at the end of the run, over as many steps each, of which none is in both. */
function trainingLoss(metrics: readonly StepMetrics[]): string {
  const averaged = Math.min(AVERAGED_STEPS, Math.floor(metrics.length / 2));
  if (averaged === 0) return `Training loss: ${meanLoss(metrics)}.`;
  const first = meanLoss(metrics.slice(0, averaged));
  const end = meanLoss(metrics.slice(-averaged));
  return averaged === 1
    ? `Training loss of the first and the last step: ${first} and ${end}.`
    : `Training loss, mean over the first ${averaged} and the last ${averaged} steps: ${first} and ${end}.`;
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
  const lines = use([
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    `model = AutoModelForCausalLM.from_pretrained(${name})`,
    'model = PeftModel.from_pretrained(model, "path/to/this/folder")',
    `tokenizer = AutoTokenizer.from_pretrained(${name})`,
  ]);
  if (baseModel.includes('/')) return lines;
  const where = `${code(baseModel)} is a folder, not a repository of the Hugging Face hub: run this beside it, or write its path in place of the name.`;
  return [...lines, where, ''];
}

const MODEL_USE = [
  'from transformers import AutoModelForCausalLM, AutoTokenizer',
  '',
  'model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")',
  'tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")',
];

function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

/** A Markdown code span on one line, fenced by more backquotes than it holds. */
function code(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}
