import { afterAll, describe, expect, it } from 'vitest';
import { GpuError } from '../../src/engine/gpu';
import { Plan } from '../../src/engine/plan';
import { TensorSet } from '../../src/engine/tensor';
import { readBytes } from '../../src/engine/transfer';
import { openTestGpu, type TestGpu } from '../gpu';

const opened: TestGpu[] = [];
afterAll(() => {
  for (const { gpu } of opened) gpu.destroy();
});

async function freshGpu(): Promise<TestGpu> {
  const runtime = await openTestGpu();
  opened.push(runtime);
  return runtime;
}

/** Something that WebGPU does not allow, and that nobody waits for: the device alone hears of it. */
function misuse({ gpu }: TestGpu): void {
  gpu.device.createBuffer({ label: 'useless', size: 4, usage: 0 });
}

describe('an operation that the GPU refuses outside of a guard', () => {
  const ways: [string, (runtime: TestGpu) => Promise<unknown>][] = [
    ['the end of all work', (runtime) => runtime.idle()],
    [
      'a reading',
      async ({ gpu }) => {
        const set = new TensorSet();
        const tensor = set.tensor('numbers', [4], 'f32', 'workspace');
        await set.materialise(gpu);
        await readBytes(gpu, tensor);
      },
    ],
    [
      'room for another submission',
      async (runtime) => {
        const set = new TensorSet();
        const plan = new Plan('cleared');
        plan.clear(set.tensor('numbers', [4], 'f32', 'workspace'));
        await set.materialise(runtime.gpu);
        const compiled = await runtime.compile(plan);
        for (let submission = 0; submission < 4; submission++) await runtime.run(compiled);
      },
    ],
  ];

  it.each(ways)('is heard of by whoever waits for %s, in one line', async (_, wait) => {
    const runtime = await freshGpu();
    misuse(runtime);
    const error: unknown = await wait(runtime).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GpuError);
    expect(error).toMatchObject({ failure: { kind: 'invalid' } });
    expect(String(error)).toMatch(
      /^GpuError: The GPU refused an operation: [^\n]*"useless"[^\n]*$/,
    );
  });

  it('does not hide behind what it breaks later', async () => {
    const runtime = await freshGpu();
    const { device } = runtime.gpu;
    const broken = device.createBuffer({ label: 'useless', size: 4, usage: 0 });
    const reading = runtime.gpu.settled(broken.mapAsync(GPUMapMode.READ));
    await expect(reading).rejects.toThrow(/useless/);
  });

  it('is the business of its own device alone', async () => {
    const [one, other] = [await freshGpu(), await freshGpu()];
    misuse(one);
    await expect(other.idle()).resolves.toBeUndefined();
    await expect(one.idle()).rejects.toThrow(GpuError);
  });

  it('is told by a guard where there is one, and breaks nothing', async () => {
    const runtime = await freshGpu();
    const result = await runtime.gpu.guard('Trying', () => misuse(runtime));
    expect(result).toMatchObject({ ok: false, failure: { kind: 'invalid' } });
    await expect(runtime.idle()).resolves.toBeUndefined();
  });
});
