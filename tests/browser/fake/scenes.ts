import { DEFAULT_CONFIG } from '../../../src/config';
import type {
  DatasetSummary,
  Forecast,
  GpuProbe,
  ModelSummary,
  Notice,
  Progress,
  RunDetail,
  RunPhase,
  StepMetrics,
  TrainerEvent,
} from '../../../src/worker/api';

/** What the fake workers say. */
export interface Scene {
  gpu: GpuProbe;
  lock: Extract<TrainerEvent, { type: 'lock' }>['lock'];
  data: DatasetSummary | null;
  run: RunDetail | null;
  otherRuns: RunDetail[];
  models: ModelSummary[];
  /** What the memory of a run is found to be. */
  forecast: Partial<Forecast>;
  /** Whether it is still being worked out how long a run takes. */
  timing: boolean;
  /** Whether what fits the data is found at once, or when the window hears of a `suggest`. */
  suggests: 'at once' | 'when told';
  /** How the download of a model goes. */
  download: 'arrives' | 'goes on' | 'breaks off';
  /** What the run is doing besides its steps. */
  progress: Progress | null;
  /** What is told as soon as the page listens. */
  notice: Notice | null;
}

const GIB = 2 ** 30;
const FACTS = {
  name: 'nvidia ada',
  software: false,
  f16: true,
  subgroups: true,
  maxBufferBytes: 4 * GIB,
  maxBindingBytes: 2 * GIB,
  memoryBudgetBytes: 8 * GIB,
};

const MODELS: ModelSummary[] = [
  model('starter', 'Starter', 'starter', 'installed', 9.6e6, 4.9e6, 'MIT', true),
  model(
    'HuggingFaceTB/SmolLM2-135M-Instruct',
    'SmolLM2 135M Instruct',
    'hub',
    'absent',
    2.7e8,
    1.35e8,
    'Apache-2.0',
    true,
  ),
  {
    ...model(
      'unsloth/Llama-3.2-1B-Instruct-bnb-4bit',
      'Llama 3.2 1B Instruct',
      'hub',
      'partial',
      1.03e9,
      1.24e9,
      'Llama 3.2',
      true,
    ),
    storedBytes: 4.1e8,
    proposed: true,
  },
  model(
    'unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit',
    'Llama 3.1 8B Instruct',
    'hub',
    'absent',
    5.7e9,
    8.03e9,
    'Llama 3.1',
    false,
  ),
];

const DATA: DatasetSummary = {
  id: 'data-1',
  files: [
    { name: 'fables.jsonl', bytes: 80_385, examples: { conversation: 300 } },
    { name: 'notes.md', bytes: 402_113, examples: { document: 112 } },
  ],
  examples: 412,
  tokens: 96_214,
  trainedTokens: 61_377,
  truncated: 3,
  dropped: 1,
  problems: [],
  problemCount: 0,
  lengths: {
    binWidth: 16,
    counts: [
      2, 9, 21, 40, 58, 66, 52, 41, 33, 27, 19, 14, 9, 7, 5, 3, 0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0,
      0, 0, 0, 2,
    ],
    longest: 512,
  },
  tokenization: {
    modelId: 'starter',
    chat_template: 'auto',
    max_seq_length: 512,
    train_on_prompt: false,
  },
};

const PROMPTS = ['Tell me the fable of the Fox and the Grapes.', 'What did the crow do?'];

const SCENES = {
  empty: () => scene({}),
  dropped: () => scene({ data: DATA }),
  timing: () => scene({ data: DATA, timing: true }),
  suggesting: () => scene({ suggests: 'when told' }),
  million: () =>
    scene({
      data: { ...DATA, examples: 1_000_000, tokens: 233_000_000, trainedTokens: 149_000_000 },
    }),
  problems: () =>
    scene({
      data: {
        ...DATA,
        problems: Array.from({ length: 12 }, (_, i) => ({
          file: 'fables.jsonl',
          line: 3 + 7 * i,
          message:
            'not JSON: a comma or a closing brace is missing at column 41; mend the line or leave it out',
        })),
        problemCount: 12,
      },
    }),
  downloading: () => scene({ data: DATA, download: 'goes on' }),
  'download-fails': () => scene({ data: DATA, download: 'breaks off' }),
  checkpointing: () =>
    scene({
      data: DATA,
      forecast: {
        verdict: 'fits-with-checkpointing',
        remedy: { gradient_checkpointing: true },
        budgetBytes: 1.2 * GIB,
      },
    }),
  shorter: () =>
    scene({
      data: DATA,
      forecast: {
        verdict: 'fits-with-shorter-sequence',
        remedy: { gradient_checkpointing: true, micro_batch_size: 1, max_seq_length: 256 },
        budgetBytes: 1 * GIB,
      },
    }),
  'too-large': () =>
    scene({ data: DATA, forecast: { verdict: 'too-large', budgetBytes: 0.5 * GIB } }),
  preparing: () =>
    scene({
      data: DATA,
      run: run('preparing', 0),
      progress: { activity: 'Loading the model', done: 5e6, total: 9.6e6, unit: 'bytes' },
    }),
  sampling: () =>
    scene({
      data: DATA,
      run: { ...run('training', 0), samples: [] },
      progress: { activity: 'Writing sample 2 of 3', done: 12, total: 80, unit: 'tokens' },
    }),
  'first-step': () => scene({ data: DATA, run: firstStep() }),
  training: () => scene({ data: DATA, run: run('training', 34), otherRuns: others(2) }),
  long: () => scene({ data: DATA, run: run('training', 40_000, 50_000) }),
  paused: () => scene({ data: DATA, run: run('paused', 34), otherRuns: others(1) }),
  'quota-full': () =>
    scene({
      data: DATA,
      run: run('paused', 34),
      notice: {
        severity: 'error',
        message:
          "The browser's storage is full: the checkpoint could not be stored, and everything stored before is still there; free some disk space, or delete runs or models that are no longer needed",
      },
    }),
  recovering: () =>
    scene({
      data: DATA,
      run: run('recovering', 34),
      progress: {
        activity: 'Waiting 95 s until the browser gives the GPU back',
        done: 30,
        total: 125,
        unit: 'parts',
      },
    }),
  interrupted: () => scene({ data: DATA, run: run('interrupted', 30), otherRuns: others(1) }),
  failed: () => scene({ data: DATA, run: run('failed', 34) }),
  stopped: () => scene({ data: DATA, run: run('stopped', 34) }),
  finished: () => scene({ data: DATA, run: run('finished', 100), otherRuns: others(2) }),
  elsewhere: () =>
    scene({ data: DATA, lock: 'elsewhere', run: run('elsewhere', 34), otherRuns: others(1) }),
  'no-webgpu': () => scene({ gpu: { status: 'no-webgpu' } }),
  'no-adapter': () => scene({ gpu: { status: 'no-adapter' } }),
  'too-small': () =>
    scene({
      gpu: {
        status: 'too-small',
        reason: 'its buffers end at 64 MiB, the starter model needs 128 MiB',
        ...FACTS,
      },
    }),
} satisfies Record<string, () => Scene>;

export type SceneName = keyof typeof SCENES;
export const SCENE_NAMES = Object.keys(SCENES) as SceneName[];

export function sceneNamed(name: string): Scene {
  const found = SCENE_NAMES.find((known) => known === name);
  if (found === undefined) throw new Error(`no scene is called ${name}`);
  return SCENES[found]();
}

function scene(parts: Partial<Scene>): Scene {
  return {
    gpu: { status: 'ready', ...FACTS },
    lock: 'free',
    data: null,
    run: null,
    otherRuns: [],
    models: MODELS,
    forecast: {},
    timing: false,
    suggests: 'at once',
    download: 'arrives',
    progress: null,
    notice: null,
    ...parts,
  };
}

function model(
  id: string,
  name: string,
  origin: ModelSummary['origin'],
  state: ModelSummary['state'],
  downloadBytes: number,
  parameters: number,
  licence: string,
  fits: boolean,
): ModelSummary {
  const storedBytes = state === 'installed' ? downloadBytes : 0;
  return {
    id,
    name,
    origin,
    state,
    downloadBytes,
    storedBytes,
    parameters,
    licence,
    fits,
    proposed: false,
  };
}

/** A run that fell from 3.9 along a power of its steps, with a spike and an evaluation every ten. */
export function run(phase: RunPhase, steps: number, totalSteps = 100, seed = 1): RunDetail {
  const metrics = Array.from({ length: steps }, (_, index) =>
    metricsOf(index + 1, totalSteps, seed),
  );
  return {
    id: `run-${seed}`,
    name: `Fables ${seed}`,
    createdAt: Date.UTC(2026, 10, 20 + seed, 9, 30),
    phase,
    step: steps,
    totalSteps,
    loss: metrics.at(-1)?.loss ?? null,
    bestEvalLoss: steps >= 10 ? 1.952 : null,
    modelId: 'starter',
    modelName: 'Starter',
    dataName: '2 files, 412 examples',
    failure:
      phase === 'failed'
        ? 'The gradients of three steps in a row were not finite. Lower the learning rate and resume from step 30.'
        : null,
    hasAdapter: steps > 0,
    datasetId: 'data-1',
    config: {
      ...DEFAULT_CONFIG,
      r: 8 * seed,
      learning_rate: seed * 1e-4,
      max_steps: totalSteps,
      eval_fraction: 0.05,
    },
    precision: 'auto',
    prompts: PROMPTS,
    metrics,
    samples: [0, 10, 20, 30].filter((step) => step <= steps).flatMap(samplesAt),
    notices:
      phase === 'recovering' || phase === 'failed'
        ? [
            {
              severity: 'warning',
              message:
                'The GPU was lost at step 34; the run went back to its checkpoint of step 30.',
            },
          ]
        : [],
  };
}

function others(count: number): RunDetail[] {
  return Array.from({ length: count }, (_, index) => run('finished', 100, 100, index + 2));
}

/** A run whose loss differs from its average, of that one loss, in the last bit: marks between the two, added to either, change nothing. */
function firstStep(): RunDetail {
  const first = run('training', 1);
  const loss = 2.511364698410034;
  return { ...first, loss, metrics: first.metrics.map((step) => ({ ...step, loss })) };
}

export function metricsOf(step: number, totalSteps: number, seed: number): StepMetrics {
  const noise = Math.sin(step * 12.9898 * seed) * 0.12 + Math.sin(step * 78.233) * 0.08;
  const loss = 1.5 + 2.4 * step ** -0.35 + noise + (step % 97 === 29 ? 0.9 : 0);
  return {
    step,
    epoch: (step / totalSteps) * 2,
    loss,
    learning_rate: 2e-4 * 0.5 * (1 + Math.cos((Math.PI * step) / totalSteps)),
    grad_norm: 0.8 + noise * 2 + (step % 97 === 29 ? 2.5 : 0),
    trained_tokens: 240,
    seconds: step * 5.3 + Math.sin(step) * 0.6,
    ...(step % 10 === 0 ? { eval_loss: loss + 0.08 - noise } : {}),
  };
}

const TEXTS = [
  'The fox was a fox and the fox was a good day. The little girl said, "I am going to the house," and he went to the house.',
  'Once there was a Fox who saw the Grapes on a tree. He wanted the Grapes, but the tree was high.',
  'A hungry Fox saw some Grapes upon a vine. He leaped and leaped, but could not come at them, and so he went away.',
  'A hungry Fox came upon a vine of fine Grapes. He sprang with all his might, and fell short each time. "They are sour," said he, and walked away.\n\nIt is easy to despise what you cannot get.',
];

function samplesAt(step: number) {
  return PROMPTS.map((prompt) => ({ step, prompt, text: TEXTS[step / 10] ?? '' }));
}

export const ANSWERS = { base: TEXTS[0] ?? '', tuned: TEXTS[3] ?? '' };
