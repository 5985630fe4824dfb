import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  type AttributeValue,
  attributeSet,
  createResource,
  createScope,
  double,
  gauge,
  LogBuilder,
  logRecords,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  points,
  SeriesInterner,
  SIGNALS,
  type Signal,
  type TransformProcessor,
} from 'bpflow/sdk';
import { collectingConsumer, fakeScope, sampleBatch } from 'bpflow/testing';
import { attributesConfig } from './config.ts';
import spec from './index.ts';

type Attributes = Record<string, AttributeValue>;

function processor(config: unknown): TransformProcessor {
  return spec.create(attributesConfig.parse(config), fakeScope('processor', 'attributes'), {}) as TransformProcessor;
}

/** The attributes of a log record with these after the actions. */
function edited(actions: readonly unknown[], attributes: Attributes): Attributes {
  const builder = new LogBuilder();
  builder.add({ time: 1n, attributes });
  const batch = processor({ actions }).transform.logs!(builder.take()!)!;
  return { ...[...logRecords(batch)][0]!.attributes.toObject() };
}

describe('an action', () => {
  const sha = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const rows: readonly (readonly [string, Record<string, unknown>, Attributes, Attributes])[] = [
    ['insert adds', { action: 'insert', key: 'b', value: 1 }, { a: 1 }, { a: 1, b: 1 }],
    ['insert leaves what is there', { action: 'insert', key: 'a', value: 2 }, { a: 1 }, { a: 1 }],
    ['update replaces', { action: 'update', key: 'a', value: 'x' }, { a: 1 }, { a: 'x' }],
    ['update adds nothing', { action: 'update', key: 'b', value: 'x' }, { a: 1 }, { a: 1 }],
    ['upsert adds', { action: 'UPSERT', key: 'b', value: true }, { a: 1 }, { a: 1, b: true }],
    [
      'upsert takes another attribute',
      { action: 'upsert', key: 'b', from_attribute: 'a' },
      { a: 'v' },
      { a: 'v', b: 'v' },
    ],
    [
      'upsert from a missing attribute does nothing',
      { action: 'upsert', key: 'b', from_attribute: 'c' },
      { a: 1 },
      { a: 1 },
    ],
    ['delete by key', { action: 'delete', key: 'a' }, { a: 1, b: 2 }, { b: 2 }],
    ['delete by pattern', { action: 'delete', pattern: '^http\\.' }, { 'http.a': 1, 'http.b': 2, c: 3 }, { c: 3 }],
    ['delete by pattern, and what has no key', { action: 'delete', pattern: '^x' }, { '': 1, xa: 2, c: 3 }, { c: 3 }],
    ['hash of a text', { action: 'hash', key: 'a' }, { a: 'secret' }, { a: sha('secret') }],
    ['hash of an int', { action: 'hash', key: 'a' }, { a: 258 }, { a: sha(Uint8Array.of(2, 1, 0, 0, 0, 0, 0, 0)) }],
    ['hash of a bool', { action: 'hash', pattern: 'a' }, { a: true }, { a: sha(Uint8Array.of(1)) }],
    [
      'extract sets what the groups find',
      { action: 'extract', key: 'url', pattern: '^(?P<scheme>.*)://(?P<host>[^/]+)' },
      { url: 'http://x.org/a' },
      { url: 'http://x.org/a', scheme: 'http', host: 'x.org' },
    ],
    ['extract without a match', { action: 'extract', key: 'a', pattern: '(?P<b>z)' }, { a: 'x' }, { a: 'x' }],
    ['convert text to int', { action: 'convert', key: 'a', converted_type: 'int' }, { a: '42' }, { a: 42 }],
    ['convert what is no int', { action: 'convert', key: 'a', converted_type: 'int' }, { a: '4.2' }, { a: '4.2' }],
    ['convert double to int', { action: 'convert', key: 'a', converted_type: 'int' }, { a: -4.7 }, { a: -4 }],
    ['convert int to double', { action: 'convert', key: 'a', converted_type: 'double' }, { a: 4 }, { a: double(4) }],
    ['convert bool to text', { action: 'convert', key: 'a', converted_type: 'string' }, { a: false }, { a: 'false' }],
  ];
  for (const [name, action, before, after] of rows) {
    test(name, () => assert.deepEqual(edited([action], before), after));
  }

  test('sees what the ones before it did', () => {
    const actions = [
      { action: 'insert', key: 'b', from_attribute: 'a' },
      { action: 'delete', key: 'a' },
    ];
    assert.deepEqual(edited(actions, { a: 1 }), { b: 1 });
  });
});

test('only items that match include, and not exclude, are changed', () => {
  const actions = [{ action: 'insert', key: 'seen', value: true }];
  const severe = { match_type: 'strict', log_severity_number: { min: 13 } };
  const slow = { match_type: 'regexp', log_bodies: ['^Slow'] };
  const batch = processor({ actions, include: severe, exclude: slow }).transform.logs!(sampleBatch('logs'))!;
  assert.deepEqual(
    [...logRecords(batch)].map((record) => record.attributes.get('seen')),
    [undefined, true, undefined],
  );
});

test('spans are matched by name and kind', () => {
  const actions = [{ action: 'upsert', key: 'seen', value: true }];
  const spans = sampleBatch('traces');
  const name = spans.name.words[spans.name.codes[0]!]!;
  const changed = processor({ actions, include: { match_type: 'strict', span_names: [name] } }).transform.traces!(
    spans,
  )!;
  assert.ok(changed.attributes.has('seen'));
  const none = processor({ actions, include: { match_type: 'strict', span_names: ['none'] } }).transform.traces!(spans);
  assert.equal(none, spans);
});

describe('data points', () => {
  const resource = createResource({ 'service.name': 'shop' });
  const batchOf = (
    interner: SeriesInterner,
    rows: readonly { attributes: Attributes; value: number; flags?: number }[],
  ) => {
    const builder = new NumberPointsBuilder({ integer: true });
    for (const { attributes, value } of rows) {
      builder.add(interner.intern(resource, createScope('s'), attributeSet(attributes)), value);
    }
    const columns = { ...builder.take(1n, 0n), flags: Uint32Array.from(rows, ({ flags }) => flags ?? 0) };
    return metricBatch([gauge({ name: 'fill', unit: '1', description: '' }, interner.table, columns)]);
  };

  test('get their series renamed, values untouched', () => {
    const batch = batchOf(new SeriesInterner(), [
      { attributes: { a: 1, host: 'x' }, value: 5 },
      { attributes: { a: 2, host: 'y' }, value: 6 },
    ]);
    const changed = processor({ actions: [{ action: 'delete', key: 'a' }] }).transform.metrics!(batch)!;
    assert.deepEqual(
      [...points(changed.metrics[0]!)].map((point) => [
        point.attributes.toObject(),
        (point as { value: unknown }).value,
      ]),
      [
        [{ host: 'x' }, 5],
        [{ host: 'y' }, 6],
      ],
    );
  });

  test('of which one ends do not end the series that several became', () => {
    const interner = new SeriesInterner();
    const drop = processor({ actions: [{ action: 'delete', key: 'a' }] });
    drop.transform.metrics!(
      batchOf(interner, [
        { attributes: { a: 1 }, value: 5 },
        { attributes: { a: 2 }, value: 6 },
        { attributes: { a: 1, b: 1 }, value: 7 },
      ]),
    );
    const ended = drop.transform.metrics!(
      batchOf(interner, [
        { attributes: { a: 1 }, value: 0, flags: NO_RECORDED_VALUE },
        { attributes: { a: 1, b: 1 }, value: 0, flags: NO_RECORDED_VALUE },
      ]),
    )!;
    assert.deepEqual(
      [...points(ended.metrics[0]!)].map((point) => point.attributes.toObject()),
      [{ b: 1 }],
    );
  });

  test('of metrics that are not meant stay the same batch', () => {
    const batch = batchOf(new SeriesInterner(), [{ attributes: { a: 1 }, value: 5 }]);
    const actions = [{ action: 'delete', key: 'a' }];
    const other = { match_type: 'strict', metric_names: ['other'] };
    assert.equal(processor({ actions, include: other }).transform.metrics!(batch), batch);
    const service = { match_type: 'strict', resources: [{ key: 'service.name', value: 'shop' }] };
    assert.equal(processor({ actions, exclude: service }).transform.metrics!(batch), batch);
    assert.notEqual(processor({ actions, include: service }).transform.metrics!(batch), batch);
  });
});

test('a property that the items of a pipeline do not have is refused', () => {
  const make = (signal: Signal, include: object) => () =>
    spec.create(
      attributesConfig.parse({
        actions: [{ action: 'delete', key: 'a' }],
        include: { match_type: 'strict', ...include },
      }),
      fakeScope('processor', 'attributes'),
      { [signal]: collectingConsumer() },
    );
  const name = 'StartError';
  const of = (property: string, signal: Signal) =>
    `include.${property} should not be specified in a pipeline of ${signal}.`;
  assert.throws(make('traces', { log_bodies: ['a'] }), { name, message: of('log_bodies', 'traces') });
  assert.throws(make('traces', { metric_names: ['a'] }), { name, message: of('metric_names', 'traces') });
  assert.throws(make('logs', { span_names: ['a'] }), { name, message: of('span_names', 'logs') });
  assert.throws(make('metrics', { log_severity_number: { min: 9 } }), {
    name,
    message: of('log_severity_number', 'metrics'),
  });
  for (const signal of SIGNALS) make(signal, { resources: [{ key: 'a', value: 'b' }] })();
  make('logs', { log_bodies: ['a'] })();
});

test('what is wrong with an action is told', () => {
  const messages = (action: unknown): string[] =>
    attributesConfig.safeParse({ actions: [action] }).error!.issues.map((issue) => issue.message);
  assert.deepEqual(messages({ action: 'insert', key: 'a' }), [
    'action insert needs one of "value" and "from_attribute"',
  ]);
  assert.deepEqual(messages({ action: 'extract', key: 'a', pattern: '(x)' }), [
    '"pattern" contains no named matcher groups: write them as (?P<name>…)',
  ]);
  assert.deepEqual(messages({ action: 'convert', key: 'a' }), [
    'missing required field "converted_type" for action convert',
  ]);
  assert.match(messages({ action: 'insert', key: 'a', from_context: 'x' })[0]!, /^from_context is not supported/);
});
