import { expect, test } from 'vitest';
import { RecentMap } from '../../src/data/recent-map';

test('a RecentMap keeps what was used last and forgets the rest', () => {
  const map = new RecentMap<number, string>(10);
  map.set(-1, 'used again and again');
  for (let key = 0; key < 100; key++) {
    map.set(key, String(key));
    expect(map.get(-1)).toBe('used again and again');
    expect(map.size).toBeLessThanOrEqual(20);
  }
  for (let key = 92; key < 100; key++) expect(map.get(key)).toBe(String(key));
  expect(map.get(50)).toBeUndefined();
});
