/** Where the time of a plan goes, by kernel and place. */

import type { CompiledPlan } from '../src/engine/compiled-plan';
import { profilePlan, type DispatchTime } from '../src/engine/profile';
import type { Runtime } from '../src/engine/runtime';
import type { KernelSpec } from '../src/engine/shader-library';

const REPETITIONS = 5;

interface Row {
  readonly name: string;
  readonly launches: number;
  readonly milliseconds: number;
  readonly cost: number;
}

/** Prints what each kernel takes in all of its launches, and then each place within a layer, the longest first. */
export async function printProfile(runtime: Runtime, plan: CompiledPlan): Promise<void> {
  const times = await shortestTimes(runtime, plan);
  const total = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  console.log(`${plan.name}: ${times.length} launches, ${total.toFixed(1)} ms`);
  const byKernel = grouped(times, ({ kernel }) => kernelName(kernel));
  const byPlace = grouped(times, ({ label }) => label.replace(/^layers\.\d+[. ]/, ''));
  for (const rows of [byKernel, byPlace]) {
    const width = Math.max(...rows.map(({ name }) => name.length));
    for (const row of rows) printRow(row, total, width);
    console.log('');
  }
}

/** Each launch's shortest time: others work on the machine too. */
async function shortestTimes(runtime: Runtime, plan: CompiledPlan): Promise<DispatchTime[]> {
  let best = await profilePlan(runtime, plan);
  for (let repetition = 1; repetition < REPETITIONS; repetition++) {
    const next = await profilePlan(runtime, plan);
    best = best.map((time, i) => {
      const other = next[i];
      return other && other.milliseconds < time.milliseconds ? other : time;
    });
  }
  return best;
}

/** The module and which of its conditions hold. */
function kernelName({ module, conditions = {} }: KernelSpec): string {
  const held = Object.keys(conditions).filter((name) => conditions[name]);
  return [module, ...held].join(' ');
}

function grouped(times: readonly DispatchTime[], keyOf: (time: DispatchTime) => string): Row[] {
  const rows = new Map<string, Row>();
  for (const time of times) {
    const name = keyOf(time);
    const row = rows.get(name) ?? { name, launches: 0, milliseconds: 0, cost: 0 };
    rows.set(name, {
      name,
      launches: row.launches + 1,
      milliseconds: row.milliseconds + time.milliseconds,
      cost: row.cost + time.cost,
    });
  }
  return [...rows.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}

function printRow({ name, launches, milliseconds, cost }: Row, total: number, width: number): void {
  const share = ((100 * milliseconds) / total).toFixed(1).padStart(5);
  const gflops = ((2 * cost) / milliseconds / 1e6).toFixed(2).padStart(8);
  const time = milliseconds.toFixed(2).padStart(9);
  console.log(
    `  ${name.padEnd(width)} ${String(launches).padStart(4)} x ${time} ms ${share} % ${gflops} GFLOPS`,
  );
}
