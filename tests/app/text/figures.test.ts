import { describe, expect, it } from 'vitest';
import {
  bytesText,
  counted,
  countText,
  durationText,
  lossText,
  smallText,
} from '../../../src/app/text/figures';
import { speedText } from '../../../src/app/text/status';

describe('figures as people say them', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 KiB'],
    [80_385, '79 KiB'],
    [1.2 * 2 ** 30, '1.2 GiB'],
    [1023 * 2 ** 20, '1 GiB'],
    [3 * 2 ** 50, '3072 TiB'],
  ])('%d bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it.each([
    [412, '412'],
    [9_412, '9.4k'],
    [96_214, '96k'],
    [999_499, '999k'],
    [999_500, '1M'],
    [1_240_000, '1.2M'],
    [8_030_000_000, '8B'],
  ])('%d is counted as %s', (count, text) => expect(countText(count)).toBe(text));

  it('says one and many', () => {
    expect(counted(1, 'file')).toBe('1 file');
    expect(counted(96_214, 'token')).toBe('96k tokens');
    expect(counted(2, 'entry', 'entries')).toBe('2 entries');
  });

  it.each([
    [0.2, '1 s'],
    [40, '40 s'],
    [59.7, '1 min'],
    [119, '2 min'],
    [3599, '1 h'],
    [4800, '1 h 20 min'],
    [7200, '2 h'],
    [53_940, '15 h'],
    [250_000, '3 days'],
  ])('%d seconds are %s', (seconds, text) => expect(durationText(seconds)).toBe(text));

  it('keeps a loss at three decimals and names what is no number', () => {
    expect(lossText(2.31449)).toBe('2.314');
    expect(lossText(NaN)).toBe('not a number');
  });

  it.each([
    [2e-4, '2e-4'],
    [1.2345e-5, '1.23e-5'],
    [0.8342, '0.834'],
    [0, '0'],
    [12_345, '1.23e4'],
    [Infinity, 'not a number'],
  ])('%d is written %s', (value, text) => expect(smallText(value)).toBe(text));

  it.each([
    [0.84, '0.8 tokens/s'],
    [45.3, '45 tokens/s'],
    [2413.2, '2,413 tokens/s'],
  ])('a speed of %d reads %s', (speed, text) => expect(speedText(speed)).toBe(text));
});
