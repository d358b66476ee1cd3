/** Reads what the test runners' reports counted. */

/** @typedef {{ passed: number, failed: number }} SuiteCounts */

/**
 * @param {SuiteCounts} first
 * @param {SuiteCounts} second
 * @returns {SuiteCounts}
 */
export function addCounts(first, second) {
  return { passed: first.passed + second.passed, failed: first.failed + second.failed };
}

/**
 * Vitest's JSON report. A file that could not be loaded has no test of its own and counts as one failure.
 *
 * @param {string} text
 * @returns {SuiteCounts}
 */
export function countsOfVitest(text) {
  /** @type {{ numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  const report = JSON.parse(text);
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  );
  return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles.length };
}

/**
 * Playwright's JSON report. A test that only passed on a second try passed; an error outside any test is a failure.
 *
 * @param {string} text
 * @returns {SuiteCounts}
 */
export function countsOfPlaywright(text) {
  /** @type {{ stats: { expected: number, flaky: number, unexpected: number }, errors?: unknown[] }} */
  const { stats, errors } = JSON.parse(text);
  return {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected + (errors?.length ?? 0),
  };
}

/**
 * pytest's JUnit report.
 *
 * @param {string} text
 * @returns {SuiteCounts}
 */
export function countsOfJUnit(text) {
  const suite = /<testsuite\s[^>]*>/.exec(text)?.[0];
  if (suite === undefined) return { passed: 0, failed: 1 };
  const count = (/** @type {string} */ name) =>
    Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  return { passed: count('tests') - failed - count('skipped'), failed };
}
