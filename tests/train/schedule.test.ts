import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_CONFIG, type TrainingConfig } from '../../src/config';
import { learningRateAt, stepsPerEpoch, totalSteps, warmupSteps } from '../../src/train/schedule';

const withSettings = (settings: Partial<TrainingConfig>): TrainingConfig => ({
  ...DEFAULT_CONFIG,
  ...settings,
});

const rates = (settings: Partial<TrainingConfig>, total: number) =>
  Array.from({ length: total }, (_, step) => learningRateAt(withSettings(settings), step, total));

describe('how many steps', () => {
  test.each([
    [8, 4, 2],
    [9, 4, 3],
    [1, 4, 1],
    [5, 1, 5],
  ])('%i micro-batches, %i accumulated: %i steps an epoch', (microBatches, accumulation, steps) => {
    const config = withSettings({ gradient_accumulation_steps: accumulation });
    expect(stepsPerEpoch(config, microBatches)).toBe(steps);
    expect(totalSteps(config, microBatches)).toBe(steps);
  });

  test.each([
    [0.5, 2],
    [0.1, 1],
    [1 / 3, 1],
    [1.5, 5],
    [2, 6],
    [0.001, 1],
  ])('%f epochs of 3 steps: %i', (num_train_epochs, steps) => {
    expect(totalSteps(withSettings({ num_train_epochs }), 12)).toBe(steps);
  });

  test('a product that is whole but for rounding is not rounded up', () => {
    // 0.07 x 100 is 7.000000000000001 in floating point.
    const config = withSettings({ num_train_epochs: 0.07, gradient_accumulation_steps: 1 });
    expect(totalSteps(config, 100)).toBe(7);
    expect(warmupSteps(withSettings({ warmup_ratio: 0.07 }), 100)).toBe(7);
  });

  test('max_steps of 1 or more wins over epochs', () => {
    expect(totalSteps(withSettings({ max_steps: 100, num_train_epochs: 0.5 }), 12)).toBe(100);
    expect(totalSteps(withSettings({ max_steps: 1, num_train_epochs: 3 }), 12)).toBe(1);
    expect(totalSteps(withSettings({ max_steps: 0 }), 12)).toBe(3);
  });

  test('warm-up steps win over the ratio, which is rounded up', () => {
    expect(warmupSteps(withSettings({ warmup_ratio: 0.1 }), 31)).toBe(4);
    expect(warmupSteps(withSettings({ warmup_ratio: 0.1 }), 30)).toBe(3);
    expect(warmupSteps(withSettings({ warmup_ratio: 0.1, warmup_steps: 9 }), 30)).toBe(9);
    expect(warmupSteps(withSettings({}), 30)).toBe(0);
  });
});

describe('the learning rate', () => {
  test('constant after a linear warm-up from 0', () => {
    const settings = {
      lr_scheduler_type: 'constant' as const,
      learning_rate: 8,
      warmup_steps: 4,
    };
    expect(rates(settings, 7)).toEqual([0, 2, 4, 6, 8, 8, 8]);
  });

  test('linear: reaches 0 one step after the last', () => {
    const settings = { lr_scheduler_type: 'linear' as const, learning_rate: 6, warmup_steps: 2 };
    expect(rates(settings, 5)).toEqual([0, 3, 6, 4, 2]);
    expect(rates({ ...settings, warmup_steps: 0 }, 3)).toEqual([6, 4, 2]);
  });

  test('cosine: half at half-way, as torch and transformers at every step', () => {
    const settings = { lr_scheduler_type: 'cosine' as const, learning_rate: 2 };
    const given = rates(settings, 4);
    // The last digit of a cosine is the library's own.
    [2, 1 + Math.SQRT1_2, 1, 1 - Math.SQRT1_2].forEach((rate, step) => {
      expect(given[step]).toBeCloseTo(rate, 14);
    });
  });

  test('a warm-up longer than the run is all there is', () => {
    expect(rates({ learning_rate: 10, warmup_steps: 10 }, 3)).toEqual([0, 1, 2]);
  });

  test('never leaves 0 to the learning rate, and never rises after the warm-up', () => {
    const settings = fc.record({
      lr_scheduler_type: fc.constantFrom('constant' as const, 'linear' as const, 'cosine' as const),
      learning_rate: fc.double({ min: 1e-8, max: 10, noNaN: true }),
      warmup_steps: fc.nat(40),
      warmup_ratio: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(settings, fc.integer({ min: 1, max: 60 }), (chosen, total) => {
        const given = rates(chosen, total);
        const warmup = warmupSteps(withSettings(chosen), total);
        given.forEach((rate, step) => {
          expect(rate).toBeGreaterThanOrEqual(0);
          expect(rate).toBeLessThanOrEqual(chosen.learning_rate);
          if (step > warmup) expect(rate).toBeLessThanOrEqual(given[step - 1] ?? 0);
        });
      }),
    );
  });
});
