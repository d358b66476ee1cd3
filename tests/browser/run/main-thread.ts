import type { Page } from '@playwright/test';

/** What a browser records of a stretch of work; times in microseconds. */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  /** Processor time of the thread, which leaves out what others had meanwhile. */
  tdur?: number;
  args?: { name?: string };
}

/** What the performance timeline calls long. */
const LONG_MILLISECONDS = 50;

/**
 * Records the page's main thread until the returned function is called, which says in a line how long its tasks were: by the clock, which a busy machine
 * stretches, and by the thread's own processor time.
 */
export async function recordMainThread(page: Page): Promise<() => Promise<string>> {
  const browser = page.context().browser();
  if (!browser) throw new Error('the page has no browser to trace');
  await browser.startTracing(page, {
    categories: ['disabled-by-default-devtools.timeline', '__metadata'],
  });
  return async () => {
    const trace = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] };
    return summary(mainThreadTasks(trace.traceEvents));
  };
}

/** Tasks of the main thread that had the most to do: that of the page, among those of the browser's processes. */
function mainThreadTasks(events: TraceEvent[]): TraceEvent[] {
  const threads = events.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  const tasks = threads.map(({ pid, tid }) =>
    events.filter((event) => event.name === 'RunTask' && event.pid === pid && event.tid === tid),
  );
  return tasks.reduce((most, others) => (others.length > most.length ? others : most), []);
}

function summary(tasks: TraceEvent[]): string {
  if (tasks.length === 0) throw new Error('the trace holds no tasks of the main thread');
  const clock = tasks.map(({ dur = 0 }) => dur / 1000);
  const own = tasks.map(({ tdur = 0 }) => tdur / 1000);
  const long = (times: number[]) => times.filter((time) => time > LONG_MILLISECONDS).length;
  const longest = (times: number[]) => `${Math.max(...times).toFixed(0)} ms`;
  return (
    `Main thread while training: ${tasks.length} tasks. By the clock ${long(clock)} took over ${LONG_MILLISECONDS} ms, the longest ` +
    `${longest(clock)}; by its own processor time ${long(own)} did, the longest ${longest(own)}.`
  );
}
