import type { TokenizedDataset } from '../../data/dataset';
import type { LlamaTraining } from '../../model/llama-training';
import type { StepMetrics } from '../../train/metrics';
import { runBatches, type RunBatches } from '../../train/run-batches';
import { runFiles } from '../../train/run-files';
import { Trainer } from '../../train/trainer';
import { defineCommand, type CommandResult } from '../command';
import { adapter, config, data, model, out, precision } from '../common-options';
import { withDataset } from '../dataset';
import { stoppable } from '../interrupt';
import { flag } from '../options';
import { planRun, type RunPlan } from '../run-plan';
import { withRuntime } from '../runtime';
import { report, throttled } from '../terminal';
import { withTraining } from '../loaded-model';

const PROGRESS_SECONDS = 1;

/** Trains a model: a new run, or one that was interrupted. */
export const trainCommand = defineCommand({
  name: 'train',
  summary: 'trains an adapter, or a whole model',
  options: {
    model: { ...model, required: false, read: ([word]: readonly string[]) => word },
    data: {
      ...data,
      required: false,
      read: (words: readonly string[]) => (words.length === 0 ? undefined : words),
    },
    config,
    out: out('DIR', 'the folder to write: adapter, metrics.jsonl and checkpoint/'),
    adapter,
    resume: flag('goes on from the last checkpoint in DIR; the other options may be left out'),
    precision,
  },
  async work(values) {
    const plan = await planRun(values);
    const { llama, files, config: settings, precision: wanted } = plan;
    return withDataset(files, llama.folder, llama.config.vocab_size, settings, (dataset) => {
      const batches = runBatches(dataset, settings);
      const source = {
        folder: llama,
        config: settings,
        batch: batches.shape,
        adapter: plan.adapter,
      };
      return withRuntime(wanted, (runtime) =>
        withTraining(runtime, source, (training) => runToTheEnd(plan, dataset, batches, training)),
      );
    });
  },
});

async function runToTheEnd(
  plan: RunPlan,
  dataset: TokenizedDataset,
  { train, evaluation }: RunBatches,
  training: LlamaTraining,
): Promise<CommandResult> {
  const { folder, checkpoint, config: settings, identity, llama } = plan;
  const trainer = new Trainer({
    model: training,
    config: settings,
    train,
    evaluation,
    identity,
  });
  if (checkpoint !== undefined) await trainer.restore(checkpoint);
  const keepsBest = settings.early_stopping_patience > 0;
  const progress = throttled(PROGRESS_SECONDS, reportStep);
  let begun = false;
  const begin = async () => {
    if (!begun) await folder.beginMetrics(checkpoint?.metrics ?? []);
    begun = true;
  };
  try {
    if (checkpoint !== undefined) await begin();
    const outcome = await stoppable(
      () => trainer.stop(),
      () =>
        trainer.run({
          onStep(metrics) {
            folder.addMetrics(metrics);
            progress(metrics, trainer.totalSteps);
          },
          async onCheckpoint(made, { best }) {
            await folder.saveCheckpoint('checkpoint', made);
            if (best && keepsBest) await folder.saveCheckpoint('best', made);
            await begin();
          },
        }),
    );
    if (outcome.end === 'diverged') throw new Error(`the run has failed: ${outcome.reason}`);
    if (outcome.end === 'stopped') {
      throw new Error(`stopped at step ${trainer.step}; --resume goes on from there`);
    }
    const last = await trainer.state();
    const kept = keepsBest ? await folder.readCheckpoint('best') : undefined;
    const files = dataset.files.map(({ name }) => name);
    const { examples, tokens, trainedTokens } = dataset;
    const data = { files, examples, tokens, trainedTokens };
    await folder.finish(runFiles(kept ?? last, llama, identity.base_model ?? '', data));
    return summary(plan, trainer.metrics);
  } finally {
    folder.close();
  }
}

function reportStep(metrics: StepMetrics, totalSteps: number): void {
  const { step, loss, trained_tokens: tokens, eval_loss: evalLoss, seconds } = metrics;
  const evaluated = evalLoss === undefined ? '' : `, evaluation loss ${evalLoss.toFixed(4)}`;
  report(
    `step ${step} of ${totalSteps}: loss ${loss.toFixed(4)}${evaluated}, ${tokens} trained tokens, ${seconds.toFixed(1)} s`,
  );
}

function summary({ folder }: RunPlan, metrics: readonly StepMetrics[]): CommandResult {
  const last = metrics.at(-1);
  const evaluated = metrics.findLast(({ eval_loss: loss }) => loss !== undefined);
  return {
    out: folder.given,
    steps: last?.step ?? 0,
    loss: last?.loss ?? null,
    ...(evaluated && { eval_loss: evaluated.eval_loss }),
    skipped: metrics.filter(({ skipped }) => skipped).length,
    seconds: last?.seconds ?? 0,
  };
}
