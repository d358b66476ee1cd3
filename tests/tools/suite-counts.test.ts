import { describe, expect, it } from 'vitest';
import { countsOfJUnit, countsOfPlaywright, countsOfVitest } from '../../tools/suite-counts.mjs';

describe('what test reports count', () => {
  it('adds the files that Vitest could not load to the failures', () => {
    const report = {
      numPassedTests: 5,
      numFailedTests: 1,
      testResults: [
        { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] },
        { status: 'failed', assertionResults: [] },
        { status: 'passed', assertionResults: [{ status: 'passed' }] },
      ],
    };
    expect(countsOfVitest(JSON.stringify(report))).toEqual({ passed: 5, failed: 2 });
  });

  it("adds Playwright's errors outside of tests to the failures", () => {
    const report = { stats: { expected: 3, flaky: 1, unexpected: 2, skipped: 1 }, errors: [{}] };
    expect(countsOfPlaywright(JSON.stringify(report))).toEqual({ passed: 4, failed: 3 });
  });

  it("takes the errors of pytest's fixtures as failures and leaves skipped tests out", () => {
    const report =
      '<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="1" tests="9" time="1.5">';
    expect(countsOfJUnit(report)).toEqual({ passed: 5, failed: 3 });
  });

  it('counts a report without a suite as a failure', () => {
    expect(countsOfJUnit('')).toEqual({ passed: 0, failed: 1 });
  });
});
