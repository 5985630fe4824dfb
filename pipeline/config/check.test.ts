import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { byteSize, duration, secret } from '../../sdk/config-types.ts';
import { type Checked, checkPart } from './check.ts';
import { loadConfig } from './load.ts';
import { formatProblem, sortProblems } from './problems.ts';

/** Checks the value of the key `at` of a YAML text. */
function check(schema: z.ZodType, yaml: string, env: Readonly<Record<string, string>> = {}): Checked {
  const text = `at: ${yaml}`;
  const { tree } = loadConfig({ uris: ['env:TEXT'], env: { ...env, TEXT: text }, cwd: import.meta.dirname });
  const { key, value } = tree.entries.get('at')!;
  return checkPart(schema, { node: value, path: ['at'], key });
}

function problems(...args: Parameters<typeof check>): readonly string[] {
  return sortProblems(check(...args).problems).map(formatProblem);
}

describe('unions', () => {
  const named = z.strictObject({ name: z.string(), value: z.int() });
  const schema = z.strictObject({ any: z.union([z.boolean(), z.int(), z.array(named)]) });

  test('that take no such value say what they take', () => {
    assert.deepEqual(problems(schema, '{ any: text }'), [
      'env:TEXT:1:12: at::any: expected true or false or a number or a list, got "text"',
    ]);
    assert.deepEqual(problems(schema, '{}'), [
      'env:TEXT:1:1: at::any: this key is required: true or false or a number or a list',
    ]);
  });

  test('tell what is wrong inside of the option that was meant', () => {
    assert.deepEqual(problems(schema, '{ any: [{ name: a, value: 1 }, { nam: b, value: x }] }'), [
      'env:TEXT:1:36: at::any[1]::name: this key is required: a text',
      'env:TEXT:1:38: at::any[1]::nam: unknown key; did you mean "name"?',
      'env:TEXT:1:53: at::any[1]::value: expected a number, got "x"',
    ]);
  });
});

describe('a value from a reference', () => {
  const schema = z.strictObject({
    text: z.string().optional(),
    either: z.union([z.int(), z.string()]).optional(),
    small: z.int().max(10).optional(),
    texts: z.array(z.string()).optional(),
    map: z.record(z.string(), z.string()).optional(),
  });
  const env = { N: '0123', LIST: '[1, a]', MAP: '{a: 1}' };

  test('is text where text is wanted, and what YAML makes of it elsewhere', () => {
    const yaml = '{ text: "${env:N}", either: "${env:N}", texts: ["${env:N}", "${env:LIST}"] }';
    assert.deepEqual(check(schema, yaml, env).output, { text: '0123', either: 83, texts: ['0123', '[1, a]'] });
  });

  test('is told as it is when neither fits', () => {
    assert.deepEqual(problems(schema, '{ small: "${env:N}" }', env), [
      'env:TEXT:1:14: at::small: must be at most 10, got 83 (from ${env:N})',
    ]);
  });

  test('that is a collection is not taken apart into texts', () => {
    assert.deepEqual(problems(schema, '{ texts: "${env:LIST}", map: "${env:MAP}" }', env), [
      'env:TEXT:1:14: at::texts[0]: expected a text, got 1; put it in quotes (from ${env:LIST})',
      'env:TEXT:1:34: at::map::a: expected a text, got 1; put it in quotes (from ${env:MAP})',
    ]);
  });
});

describe('a key without a value', () => {
  const inner = z.strictObject({ n: z.int().default(5) });
  const schema = z.strictObject({
    number: z.int().default(1),
    list: z.array(z.int()).default([2]),
    map: inner.optional(),
    nullable: z.string().nullable().default('x'),
    either: z.union([z.literal('none'), inner]).optional(),
  });

  test('has its default, is an empty map where a map is wanted, and null only where that is a value', () => {
    assert.deepEqual(check(schema, '{ number: , list: , map: , nullable: , either: }').output, {
      number: 1,
      list: [2],
      map: { n: 5 },
      nullable: null,
      either: { n: 5 },
    });
  });

  test('is required where there is no default', () => {
    assert.deepEqual(problems(z.strictObject({ n: z.int() }), '{ n: }'), [
      'env:TEXT:1:7: at::n: this key is required: a number',
    ]);
  });
});

describe('warnings', () => {
  test('tell of durations without unit, at any depth, but not of 0', () => {
    const schema = z.strictObject({ list: z.array(z.strictObject({ wait: duration() })), size: byteSize() });
    const { warnings } = check(schema, '{ size: 5, list: [{ wait: 0 }, { wait: 30 }, { wait: 30s }] }');
    assert.deepEqual(warnings.map(formatProblem), [
      'env:TEXT:1:44: at::list[1]::wait: 30 has no unit and is taken as 30 nanoseconds; write 30ns, or 30s for seconds',
    ]);
  });

  test('tell of fractions that are cut', () => {
    const checked = check(z.strictObject({ n: z.int() }), '{ n: -1.5 }');
    assert.deepEqual(checked.output, { n: -1 });
    assert.deepEqual(
      checked.warnings.map(({ message }) => message),
      ['-1.5 is no whole number and is taken as -1'],
    );
  });
});

describe('what must not happen', () => {
  test('a schema that throws or waits is a problem of its component', () => {
    const throws = z.strictObject({}).refine(() => {
      throw new Error('broken');
    });
    const waits = z.strictObject({}).refine(async () => true);
    assert.deepEqual(problems(throws, '{}'), ['env:TEXT:1:1: at: the configuration cannot be checked: broken']);
    assert.match(problems(waits, '{}')[0]!, /^env:TEXT:1:1: at: the configuration cannot be checked: /);
  });

  test('a secret is not in a message', () => {
    const schema = z.strictObject({ key: secret().min(100), other: z.record(z.string(), secret()) });
    const text = problems(schema, '{ key: hunter2, other: { a: 987654321 } }').join('\n');
    assert.ok(text.includes('at::key: ') && text.includes('at::other::a: '), text);
    assert.ok(!/hunter2|987654321/.test(text), text);
  });
});
