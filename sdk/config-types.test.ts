import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import {
  byteSize,
  configTypes,
  duration,
  endpoint,
  formatByteSize,
  formatDuration,
  formatEndpoint,
  parseDuration,
  secret,
} from './config-types.ts';

/** What the schema makes of a value, or its messages. */
function outcome(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  return result.success ? result.data : result.error.issues.map((issue) => issue.message);
}

describe('durations', () => {
  const good: readonly [unknown, number][] = [
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['200ms', 200],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1h0m0s', 3_600_000],
    ['300us', 0.3],
    ['300µs', 0.3],
    ['5ns', 0.000005],
    ['0', 0],
    ['+1s', 1000],
    [5, 0.000005],
    [0, 0],
    [1_000_000_000, 1000],
  ];
  for (const [written, ms] of good) {
    test(`${JSON.stringify(written)} is ${ms} ms`, () => assert.equal(outcome(duration(), written), ms));
  }

  const bad: readonly [unknown, string][] = [
    ['5 parsecs', 'expected a duration such as 10s, got "5 parsecs"'],
    ['x', 'expected a duration such as 10s, got "x"'],
    ['5', 'expected a duration such as 10s, got "5"'],
    ['', 'expected a duration such as 10s, got ""'],
    ['1 s', 'expected a duration such as 10s, got "1 s"'],
    ['1d', 'expected a duration such as 10s, got "1d"'],
    ['-1s', 'must not be negative'],
    [-5, 'must not be negative'],
    [Number.POSITIVE_INFINITY, 'expected a duration such as 10s, got Infinity'],
    [true, 'expected a duration such as 10s, got true'],
    [['1s'], 'expected a duration such as 10s, got a list'],
    [{}, 'expected a duration such as 10s, got a map'],
    [null, 'expected a duration such as 10s, got nothing'],
    [undefined, 'this key is required: a duration such as 10s'],
  ];
  for (const [written, message] of bad) {
    test(`${JSON.stringify(written)} is refused`, () => assert.deepEqual(outcome(duration(), written), [message]));
  }

  test('are printed so that they read the same', () => {
    assert.deepEqual([0, 0.000005, 0.3, 200, 1500, 90_000, 3_600_000, 3_661_500].map(formatDuration), [
      '0s',
      '5ns',
      '300us',
      '200ms',
      '1.5s',
      '1m30s',
      '1h',
      '1h1m1.5s',
    ]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (us) => {
        const ms = us / 1000;
        assert.ok(Math.abs(parseDuration(formatDuration(ms))! - ms) <= ms * 1e-12);
      }),
    );
  });
});

describe('sizes', () => {
  const good: readonly [unknown, number][] = [
    ['16MiB', 16 * 1024 * 1024],
    ['16 MiB', 16 * 1024 * 1024],
    ['1.5KiB', 1536],
    ['10MB', 10_000_000],
    ['5k', 5000],
    ['5K', 5000],
    ['7', 7],
    ['7B', 7],
    [4096, 4096],
    [0, 0],
  ];
  for (const [written, bytes] of good) {
    test(`${JSON.stringify(written)} is ${bytes} bytes`, () => assert.equal(outcome(byteSize(), written), bytes));
  }

  const bad: readonly [unknown, string][] = [
    ['3 spoons', 'expected a size such as 16MiB, got "3 spoons"'],
    ['', 'expected a size such as 16MiB, got ""'],
    ['-1', 'expected a size such as 16MiB, got "-1"'],
    [-1, 'must not be negative'],
    [1.5, 'must be a whole number of bytes below 2^53'],
    ['9000PiB', 'must be a whole number of bytes below 2^53'],
    [undefined, 'this key is required: a size such as 16MiB'],
  ];
  for (const [written, message] of bad) {
    test(`${JSON.stringify(written)} is refused`, () => assert.deepEqual(outcome(byteSize(), written), [message]));
  }

  test('are printed so that they read the same', () => {
    assert.deepEqual([0, 1000, 1024, 16 * 1024 ** 2].map(formatByteSize), ['0B', '1000B', '1KiB', '16MiB']);
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => assert.equal(outcome(byteSize(), formatByteSize(bytes)), bytes)));
  });
});

describe('endpoints', () => {
  const good: readonly [string, string, number][] = [
    ['localhost:4317', 'localhost', 4317],
    [':80', '', 80],
    ['[::1]:0', '::1', 0],
    ['0.0.0.0:65535', '0.0.0.0', 65535],
  ];
  for (const [written, host, port] of good) {
    test(`${written} has host and port`, () => {
      assert.deepEqual(outcome(endpoint(), written), { host, port });
      assert.equal(formatEndpoint({ host, port }), written);
    });
  }

  for (const written of [
    'localhost',
    'localhost:',
    'a:b:1',
    '::1',
    'http://a:1',
    'a:65536',
    'a b:1',
    '/a:1',
    '[::1]',
  ]) {
    test(`${written} is refused and shown`, () => {
      const [message] = outcome(endpoint(), written) as string[];
      assert.ok(
        message?.startsWith(`expected an address such as localhost:4317, got ${JSON.stringify(written)}: `),
        message,
      );
    });
  }
});

describe('secrets', () => {
  test('are never in a message', () => {
    assert.deepEqual(outcome(secret(), 123456), ['expected a text; put it in quotes']);
  });

  test('are known as such, also with checks', () => {
    assert.deepEqual(configTypes.get(secret()), { type: 'secret' });
    assert.deepEqual(configTypes.get(secret().min(3)), { type: 'secret' });
    assert.equal(configTypes.get(z.string()), undefined);
  });
});

test('defaults are written as users write', () => {
  const schema = z.strictObject({
    timeout: duration().prefault('200ms'),
    limit: byteSize().prefault('1KiB'),
    endpoint: endpoint().prefault('localhost:1'),
  });
  assert.deepEqual(schema.parse({}), { timeout: 200, limit: 1024, endpoint: { host: 'localhost', port: 1 } });
});
