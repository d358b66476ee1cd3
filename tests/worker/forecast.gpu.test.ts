import { describe, expect, it } from 'vitest';
import { parseTrainingConfig } from '../../src/config';
import { LlamaGenerator } from '../../src/model/llama-generator';
import { describeFolder } from '../../src/model/llama-weights';
import { openTraining } from '../../src/model/open-training';
import { runMemory } from '../../src/worker/forecast';
import { generationGraph } from '../../src/worker/loaded-run';
import { openTestGpu } from '../gpu';
import { fixtureFolder } from '../model/fixture';

describe.each([
  { stored: 'f16', without: [] },
  { stored: 'f32', without: ['f16'] as const },
])("the page's forecast of memory, activations kept as $stored", ({ without }) => {
  it('is what a run takes with the model that writes its samples', async () => {
    const runtime = await openTestGpu({ without });
    const folder = await fixtureFolder();
    const config = parseTrainingConfig({ method: 'qlora', gradient_checkpointing: false });
    const batch = { rows: 4, rowLength: 256 };
    const { f16 } = runtime.gpu.features;
    expect(f16).toBe(without.length === 0);
    const forecast = runMemory(describeFolder(folder), config, batch, f16).total_bytes;
    const training = await openTraining(runtime, { folder, config, batch });
    const graph = generationGraph(training.planned, folder);
    const generator = await LlamaGenerator.create(runtime, graph);
    // Within the 2 % that the page promises.
    expect(Math.abs(runtime.gpu.memory.total / forecast - 1)).toBeLessThan(0.02);
    generator.destroy();
    training.destroy();
    runtime.gpu.destroy();
  });
});
