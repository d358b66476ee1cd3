/** Where the time of a plan goes, by kernel and place. */

import type { CompiledPlan } from '../src/engine/compiled-plan';
import { profilePlan, type DispatchTime } from '../src/engine/profile';
import type { Runtime } from '../src/engine/runtime';

const REPETITIONS = 5;

interface Row {
  readonly name: string;
  readonly launches: number;
  readonly milliseconds: number;
  readonly cost: number;
}

/** Prints what each kernel takes in all of its launches, by module and then by place within a layer, the longest first. */
export async function printProfile(runtime: Runtime, plan: CompiledPlan): Promise<void> {
  const times = await shortestTimes(runtime, plan);
  const total = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  console.log(`${plan.name}: ${times.length} launches, ${total.toFixed(1)} ms`);
  const byModule = grouped(times, ({ module }) => module);
  const byPlace = grouped(times, ({ label }) => label.replace(/^layers\.\d+[. ]/, ''));
  for (const rows of [byModule, byPlace]) {
    for (const row of rows) printRow(row, total);
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

function printRow({ name, launches, milliseconds, cost }: Row, total: number): void {
  const share = ((100 * milliseconds) / total).toFixed(1).padStart(5);
  const gflops = ((2 * cost) / milliseconds / 1e6).toFixed(2).padStart(8);
  const time = milliseconds.toFixed(2).padStart(9);
  console.log(
    `  ${name.padEnd(44)} ${String(launches).padStart(4)} x ${time} ms ${share} % ${gflops} GFLOPS`,
  );
}
