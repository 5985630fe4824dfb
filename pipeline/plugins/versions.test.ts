import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compatible, satisfies } from './versions.ts';

describe('SDK versions', () => {
  const rows: readonly (readonly [theirs: string, ours: string, fits: boolean])[] = [
    ['0.1.0', '0.1.9', true],
    ['0.2.0', '0.1.9', false],
    ['1.0.0', '1.9.0', true],
    ['1.9.0', '1.0.0', true],
    ['2.0.0', '1.9.0', false],
    ['0.1.0-rc.1', '0.1.0', true],
    ['x', '0.1.0', false],
  ];
  for (const [theirs, ours, fits] of rows) {
    it(`${theirs} ${fits ? 'fits' : 'does not fit'} ${ours}`, () => assert.equal(compatible(theirs, ours), fits));
  }
});

describe('peer ranges', () => {
  const rows: readonly (readonly [range: string, inside: string[], outside: string[]])[] = [
    ['^1.2.3', ['1.2.3', '1.9.0'], ['1.2.2', '2.0.0']],
    ['^0.1.2', ['0.1.2', '0.1.9'], ['0.2.0', '0.1.1']],
    ['^0.0.3', ['0.0.3'], ['0.0.4']],
    ['^0', ['0.9.0'], ['1.0.0']],
    ['~1.2', ['1.2.0', '1.2.9'], ['1.3.0']],
    ['1.x', ['1.0.0', '1.9.9'], ['2.0.0', '0.9.0']],
    ['1.2.3', ['1.2.3'], ['1.2.4']],
    ['>=1 <3', ['1.0.0', '2.9.9'], ['3.0.0', '0.9.9']],
    ['>= 1.5', ['1.5.0'], ['1.4.9']],
    ['^1.0.0 || ^3.0.0', ['1.5.0', '3.1.0'], ['2.0.0']],
    ['*', ['0.0.1', '9.9.9'], []],
    ['workspace:*', ['1.0.0'], []],
  ];
  for (const [range, inside, outside] of rows) {
    it(range, () => {
      for (const version of inside) assert.ok(satisfies(version, range), version);
      for (const version of outside) assert.ok(!satisfies(version, range), version);
    });
  }
});
