import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { loadConfig } from './load.ts';
import { ConfigError } from './problems.ts';
import { plain } from './tree.ts';
import type { LoadedConfig } from './types.ts';

type Env = Readonly<Record<string, string>>;

function load(config: object, env: Env = {}, ...more: readonly object[]): LoadedConfig {
  const uris = [config, ...more].map((each) => `yaml:${JSON.stringify(each)}`);
  return loadConfig({ uris, env, cwd: import.meta.dirname });
}

/** What becomes of one text. */
function expanded(text: string, env: Env = {}): unknown {
  return (plain(load({ key: text }, env).tree) as { readonly key: unknown }).key;
}

const texts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('$', '{', '}', ':', '-', 'A', '"', '\n', ' ') }));

describe('any text', () => {
  test('comes back when each dollar is doubled', () => {
    fc.assert(
      fc.property(texts, (text) => {
        assert.equal(expanded(text.replaceAll('$', '$$$$')), text);
      }),
    );
  });

  test('comes back out of a variable when each dollar is doubled, unless YAML reads more than a text', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const { entries } = load({ key: `x\${env:A}` }, { A: text.replaceAll('$', '$$$$') }).tree;
        assert.equal(plain(entries.get('key')!.value), `x${text}`);
      }),
    );
  });

  test('without a dollar is not touched', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const plainText = text.replaceAll('$', 'S');
        assert.equal(expanded(plainText), plainText);
      }),
    );
  });

  test('ends in a value or a ConfigError, whatever variables hold', () => {
    const pieces = fc
      .array(fc.constantFrom('$', '{', '}', '${', '${A}', '${env:B}', ':-', 'env:', 'yaml:', 'A', 'B', '[', ' '))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(pieces, pieces, pieces, (text, A, B) => {
        try {
          const { problems } = load({ key: text }, { A, B });
          for (const problem of problems) assert.deepEqual(problem.path.slice(0, 1), ['key']);
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('references that multiply', () => {
  const doubling = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`A${i}`, `\${A${i + 1}}\${A${i + 1}}`]));

  test('are stopped', () => {
    const { problems } = load({ key: '${A0}' }, { ...doubling, A40: 'x' });
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['too many recursive expansions'],
    );
  });

  test('are stopped when they make long texts', () => {
    const env = { A: 'x'.repeat(1024 * 1024), B: '${A}${A}${A}${A}', C: '${B}${B}${B}${B}', D: '${C}${C}${C}${C}' };
    const { problems } = load({ key: '${D}' }, env);
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['too many recursive expansions'],
    );
  });

  test('are stopped when they make many values', () => {
    const env = { L: `[${'x,'.repeat(10_000)}]` };
    const { problems } = load({ key: Array(21).fill('${L}') }, env);
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['there are more than 200000 values'],
    );
  });
});

describe('merging', () => {
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.integer(), { maxLength: 3 }));
  const { map } = fc.letrec<{ map: Record<string, unknown> }>((tie) => ({
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof({ maxDepth: 3 }, leaf, tie('map')), {
      noNullPrototype: true,
    }),
  }));

  /** What a reader of the documentation expects. */
  function merged(base: unknown, over: unknown): unknown {
    if (!isMap(base) || !isMap(over)) return over;
    const result: Record<string, unknown> = { ...base };
    for (const [key, value] of Object.entries(over)) result[key] = key in base ? merged(base[key], value) : value;
    return result;
  }

  test('takes maps together at all levels and replaces everything else', () => {
    fc.assert(
      fc.property(map, map, map, (one, two, three) => {
        const root = (value: unknown): object => ({ root: value });
        const { tree } = load(root(one), {}, root(two), root(three));
        assert.deepEqual(plain(tree), root(merged(merged(one, two), three)));
      }),
    );
  });
});

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
