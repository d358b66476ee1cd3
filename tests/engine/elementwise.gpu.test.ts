import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add } from '../../src/engine/ops/add';
import { swiglu, swigluBackward } from '../../src/engine/ops/swiglu';
import { Bench, openTestGpu, type TestGpu } from '../gpu';
import {
  at,
  finiteDifferences,
  nearestHalves,
  randomFloats,
  relativeError,
} from '../reference/numeric';
import { swigluBackwardReference, swigluReference } from '../reference/swiglu';

// A handful of f32 roundings; exp may be 3 + 2 |x| ulp off by WGSL's rules.
const TOLERANCE = 3e-6;
const COUNTS = [1, 7, 512, 1030];

let context: TestGpu;
beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.gpu.destroy());

describe.each(COUNTS)('%i elements', (count) => {
  const gate = randomFloats(count, 1, 6);
  const up = randomFloats(count, 2, 2);
  const dOut = randomFloats(count, 3);

  it.each(['f32', 'f16'] as const)(
    'go through SwiGLU and back like the reference, kept as %s',
    async (type) => {
      const bench = new Bench(context);
      const kept = type === 'f32' ? [gate, up] : [nearestHalves(gate), nearestHalves(up)];
      const [g = gate, u = up] = kept;
      const tensors = {
        label: 'swiglu',
        gate: bench.input('gate', [count], g, type),
        up: bench.input('up', [count], u, type),
        count,
      };
      const out = bench.output('out', [count]);
      const dGate = bench.input('dOut', [count], dOut);
      const dUp = bench.output('dUp', [count]);
      swiglu(bench.plan, { ...tensors, out });
      swigluBackward(bench.plan, { ...tensors, dOut: dGate, dUp });
      await bench.run();
      const expected = swigluBackwardReference(g, u, dOut);
      expect(relativeError(await bench.read(out), swigluReference(g, u))).toBeLessThan(TOLERANCE);
      expect(relativeError(await bench.read(dGate), expected.dGate)).toBeLessThan(TOLERANCE);
      expect(relativeError(await bench.read(dUp), expected.dUp)).toBeLessThan(TOLERANCE);
      expect(await bench.read(tensors.gate)).toEqual(g);
      expect(await bench.read(tensors.up)).toEqual(u);
      bench.destroy();
    },
  );

  it('are added, and what lies behind them stays', async () => {
    const bench = new Bench(context);
    const behind = [5, 6, 7];
    const into = bench.input('into', [count + 3], Float32Array.from([...up, ...behind]));
    const from = bench.input('from', [count + 3], Float32Array.from([...gate, 1, 1, 1]));
    add(bench.plan, { label: 'add', from, into, count, scale: 0.5 });
    await bench.run();
    const actual = await bench.read(into);
    const expected = up.map((value, i) => value + at(gate, i) / 2);
    expect(relativeError(actual.slice(0, count), expected)).toBeLessThan(TOLERANCE);
    expect([...actual.slice(count)]).toEqual(behind);
    bench.destroy();
  });
});

it('SwiGLU stays finite far from zero', async () => {
  const gate = Float32Array.of(-1e4, -200, -90, 90, 200, 1e4);
  const bench = new Bench(context);
  const out = bench.output('out', [6]);
  const up = bench.input('up', [6], new Float32Array(6).fill(1));
  swiglu(bench.plan, { label: 'far', gate: bench.input('gate', [6], gate), up, out, count: 6 });
  await bench.run();
  const actual = await bench.read(out);
  [0, 0, 0, 90, 200, 1e4].forEach((value, i) => {
    expect(Math.abs((actual[i] ?? NaN) - value)).toBeLessThan(1e-6 * Math.max(1, value));
  });
  bench.destroy();
});

it('the reference gradient agrees with finite differences', () => {
  const [gate, up, dOut] = [randomFloats(6, 4, 3), randomFloats(6, 5), randomFloats(6, 6)];
  const loss = (g: ArrayLike<number>, u: ArrayLike<number>): number =>
    swigluReference(g, u).reduce((sum, value, i) => sum + value * at(dOut, i), 0);
  const { dGate, dUp } = swigluBackwardReference(gate, up, dOut);
  const slopes = [
    finiteDifferences((v) => loss(v, up), gate),
    finiteDifferences((v) => loss(gate, v), up),
  ];
  // Central differences with a step of 1e-5 err by about 1e-10 in f64.
  expect(relativeError(dGate, slopes[0] ?? [])).toBeLessThan(1e-8);
  expect(relativeError(dUp, slopes[1] ?? [])).toBeLessThan(1e-8);
});
