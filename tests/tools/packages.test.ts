import { expect, it } from 'vitest';
import { differences } from '../../tools/setup/packages.mjs';

it('finds the packages that are missing or of another version, but not those for other systems', () => {
  const wanted = {
    '': {},
    'node_modules/same': { version: '1.0.0' },
    'node_modules/older': { version: '2.0.0' },
    'node_modules/absent': { version: '1.0.0' },
    'node_modules/elsewhere': { version: '1.0.0', optional: true },
    'node_modules/optional': { version: '1.1.0', optional: true },
  };
  const present = {
    'node_modules/same': { version: '1.0.0' },
    'node_modules/older': { version: '1.0.0' },
    'node_modules/optional': { version: '1.0.0' },
  };
  expect(differences(wanted, present)).toEqual([
    'node_modules/older',
    'node_modules/absent',
    'node_modules/optional',
  ]);
});
