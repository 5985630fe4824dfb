import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { resolvePlain } from './scalars.ts';
import { plain } from './tree.ts';
import type { Origin } from './types.ts';
import { parseYaml } from './yaml.ts';

const locate = (line: number, column: number): Origin => ({
  source: { label: 'f', folder: '/', order: 0 },
  line,
  column,
});

function problems(text: string): readonly string[] {
  return parseYaml(text, locate).problems.map(({ message, origin }) => `${origin?.line}:${origin?.column} ${message}`);
}

describe('plain scalars by the rules of go-yaml', () => {
  const cases: readonly [string, unknown][] = [
    ['', null],
    ['~', null],
    ['null', null],
    ['NULL', null],
    ['nULL', 'nULL'],
    ['true', true],
    ['True', true],
    ['tRUE', 'tRUE'],
    ['FALSE', false],
    ['yes', 'yes'],
    ['no', 'no'],
    ['on', 'on'],
    ['off', 'off'],
    ['y', 'y'],
    ['0', 0],
    ['-0', 0],
    ['12', 12],
    ['+12', 12],
    ['-12', -12],
    ['0755', 493],
    ['-010', -8],
    ['0899', 899],
    ['0o755', 493],
    ['0O755', 493],
    ['0o899', '0o899'],
    ['0x40', 64],
    ['0XfF', 255],
    ['-0x10', -16],
    ['0b101', 5],
    ['0b12', '0b12'],
    ['1_000', 1000],
    ['1__0_', 10],
    ['_1', '_1'],
    ['0x_40', 64],
    ['1.5', 1.5],
    ['1.', 1],
    ['.5', 0.5],
    ['-.5', -0.5],
    ['1e3', 1000],
    ['1E-2', 0.01],
    ['1_0.5', 10.5],
    ['1.2.3', '1.2.3'],
    ['1e', '1e'],
    ['.', '.'],
    ['-', '-'],
    ['+', '+'],
    ['.inf', Number.POSITIVE_INFINITY],
    ['+.INF', Number.POSITIVE_INFINITY],
    ['-.Inf', Number.NEGATIVE_INFINITY],
    ['.nan', Number.NaN],
    ['inf', 'inf'],
    ['18446744073709551615', 2 ** 64],
    ['18446744073709551616', 2 ** 64],
    ['2001-12-14', '2001-12-14'],
    ['2001-12-14T21:59:43Z', '2001-12-14T21:59:43Z'],
    ['21:59:43', '21:59:43'],
    ['10s', '10s'],
    ['<<', '<<'],
  ];
  for (const [text, value] of cases) {
    test(`${text || 'nothing'} is ${typeof value} ${value}`, () => assert.equal(resolvePlain(text), value));
  }
});

describe('any text', () => {
  test('is parsed or refused with a place, never thrown at', () => {
    const unit = fc.constantFrom(
      ...'ab: -[]{}#&*!|>\'"%@`,?\n\t<'.split(''),
      '<<: ',
      '&a ',
      '*a ',
      '- ',
      'k: ',
      '\n  ',
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit, maxLength: 60 }), fc.string({ unit: 'binary' })), (text) => {
        for (const { message, origin } of parseYaml(text, locate).problems) {
          assert.ok(message !== '' && (origin?.line ?? 0) >= 1 && (origin?.column ?? 0) >= 1, message);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('that is JSON is read as JSON is', () => {
    const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes('"__proto__"'));
    fc.assert(
      fc.property(json, (value) => {
        const { node, problems: found } = parseYaml(JSON.stringify({ value }), locate);
        // JSON's own parser makes 0 of -0 in a list of integers; YAML has no negative zero integer.
        assert.deepEqual(found, []);
        assert.deepEqual(JSON.stringify(plain(node!)), JSON.stringify({ value }));
      }),
    );
  });
});

describe('bounds', () => {
  test('on size', () => {
    assert.deepEqual(problems('#'.repeat(16 * 1024 * 1024 + 1)), ['1:1 the text is larger than 16 MiB']);
  });

  for (const [name, text] of Object.entries({ lists: '[', maps: '{a: ', sequences: '- ', keys: '? ' })) {
    test(`on nested ${name}`, () => {
      const found = problems(text.repeat(20_000));
      assert.equal(found.length, 1);
      assert.match(found[0]!, /values are nested more than 200 levels deep$/);
    });
  }

  test('on aliases that multiply', () => {
    const lines = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`);
    assert.deepEqual(problems(['a0: &a0 [x]', ...lines].join('\n')), [
      '7:9 there are more than 200000 values here once the aliases are resolved',
    ]);
  });
});

test('keys that objects have by themselves are keys like others', () => {
  const { node } = parseYaml('{__proto__: 1, constructor: 2, toString: {hasOwnProperty: 3}}', locate);
  assert.deepEqual(Object.entries(plain(node!) as object), [
    ['__proto__', 1],
    ['constructor', 2],
    ['toString', { hasOwnProperty: 3 }],
  ]);
});
