import { describe, expect, it } from 'vitest';
import { nextStep, type Standing } from '../../../src/app/text/next-step';

const READY: Standing = {
  phase: null,
  hasAdapter: false,
  wholeModel: false,
  download: null,
  obstacle: null,
};

describe('what a person can do next', () => {
  it('is named for what the run gives: an adapter, or a whole model', () => {
    const finished: Standing = { ...READY, phase: 'finished', hasAdapter: true };
    expect(nextStep(finished)).toContain('download the adapter');
    const full = nextStep({ ...finished, wholeModel: true });
    expect(full).toContain('download the model');
    expect(full).not.toContain('adapter');
  });

  it('is no question to a whole model while it is being trained, paused or not', () => {
    const paused: Standing = { ...READY, phase: 'paused', hasAdapter: true };
    expect(nextStep(paused)).toContain('ask');
    expect(nextStep({ ...paused, wholeModel: true })).not.toContain('ask');
  });

  it('before a run is first what keeps it from beginning, then what it begins with', () => {
    expect(nextStep({ ...READY, obstacle: 'Drop files first.', download: '1.0 GiB' })).toBe(
      'Drop files first.',
    );
    expect(nextStep({ ...READY, download: '1.0 GiB' })).toContain('(1.0 GiB)');
    expect(nextStep(READY)).toContain('press Train');
  });

  it('offers to go on only with what was kept', () => {
    for (const phase of ['interrupted', 'stopped', 'failed'] as const) {
      expect(nextStep({ ...READY, phase, hasAdapter: true })).toMatch(/resume/i);
      expect(nextStep({ ...READY, phase, hasAdapter: false })).not.toMatch(/resume/i);
    }
  });
});
