/**
 * Runs every suite, goes on after one that fails, and ends with one line "N passed, N failed". The exit status is non-zero if anything
 * failed. A suite that cannot report what it counted counts as one failure.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run, say } from './process.mjs';
import { addCounts, countsOfJUnit, countsOfPlaywright, countsOfVitest } from './suite-counts.mjs';

const REPORTS = '.cache/reports';
const TOTAL_MINUTES = 80;

/** @typedef {import('./suite-counts.mjs').SuiteCounts} SuiteCounts */

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {number} minutes at most
 * @property {string[]} command
 * @property {Record<string, string>} [environment]
 * @property {Record<string, (text: string) => SuiteCounts>} reports by file name, how each is read; none: the suite is one check
 */

/** @type {Suite[]} */
const SUITES = [
  {
    name: 'npm test',
    minutes: 45,
    command: ['npm', 'test', '--silent'],
    reports: { 'unit.json': countsOfVitest, 'gpu.json': countsOfVitest },
  },
  { name: 'check', minutes: 15, command: ['npm', 'run', '--silent', 'check'], reports: {} },
  {
    name: 'browser',
    minutes: 24,
    command: ['npx', 'playwright', 'test', '--reporter=list,json'],
    environment: { PLAYWRIGHT_JSON_OUTPUT_FILE: `${REPORTS}/browser.json` },
    reports: { 'browser.json': countsOfPlaywright },
  },
  {
    name: 'interop',
    minutes: 16,
    command: ['npm', 'run', '--silent', 'test:interop', '--', `--junit-xml=${REPORTS}/interop.xml`],
    reports: { 'interop.xml': countsOfJUnit },
  },
];

const deadline = Date.now() + TOTAL_MINUTES * 60_000;
await rm(join(ROOT, REPORTS), { recursive: true, force: true });
let total = { passed: 0, failed: 0 };
for (const suite of SUITES) total = addCounts(total, await runSuite(suite));
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;

/**
 * @param {Suite} suite
 * @returns {Promise<SuiteCounts>}
 */
async function runSuite({ name, minutes, command, environment, reports }) {
  say(`${name}: starting.`);
  const started = Date.now();
  const timeoutSeconds = Math.max(1, Math.min(minutes * 60, (deadline - started) / 1000));
  const [program = '', ...rest] = command;
  const { code } = await run(program, rest, { timeoutSeconds, environment });
  const counts = await countsOfSuite(Object.entries(reports), code);
  const seconds = Math.round((Date.now() - started) / 1000);
  const end = code === 124 ? ', ended because it ran out of time' : '';
  say(`${name}: ${counts.passed} passed, ${counts.failed} failed in ${seconds} s${end}.`);
  return counts;
}

/**
 * @param {[string, (text: string) => SuiteCounts][]} reports
 * @param {number} code the suite's exit status; a failure that no report counts is one failure
 * @returns {Promise<SuiteCounts>}
 */
async function countsOfSuite(reports, code) {
  if (reports.length === 0) return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  let counts = { passed: 0, failed: 0 };
  for (const [file, read] of reports) {
    const text = await readFile(join(ROOT, REPORTS, file), 'utf8').catch(() => undefined);
    counts = addCounts(counts, text === undefined ? { passed: 0, failed: 1 } : read(text));
  }
  return code !== 0 && counts.failed === 0 ? addCounts(counts, { passed: 0, failed: 1 }) : counts;
}
