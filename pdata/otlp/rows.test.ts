import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  attributeSet,
  concatBatches,
  concatLogs,
  concatSpans,
  editAttributeColumns,
  encodeOtlp,
  isEncoded,
  type LogBatch,
  LogBuilder,
  logRecord,
  logRecords,
  mapResources,
  OtlpDecoder,
  otlpFromJson,
  type Resource,
  type SpanBatch,
  SpanBuilder,
  selectLogs,
  selectSpans,
  spanRecords,
  splitBatch,
  WireError,
  withResourceAttributes,
} from '../index.ts';
import { decodeLogs } from './logs-decode.ts';
import { encodeLogs } from './logs-encode.ts';
import { checkRequest } from './message-check.ts';
import { decodeSpans } from './spans-decode.ts';
import { encodeSpans } from './spans-encode.ts';
import { Dice, randomRequest } from './test/random-request.ts';
import { content, damaged, items, unknownFields } from './test/requests.ts';
import { WireWriter } from './wire.ts';

const runs = process.env['BPFLOW_SUITE'] === 'full' ? 3000 : 300;

/** What the tests need to know of each signal. */
const LOGS = {
  signal: 'logs',
  decode: (bytes: Uint8Array): LogBatch => decodeLogs(bytes),
  encode: (batch: LogBatch): Uint8Array => written((writer) => encodeLogs(batch, writer)),
  select: selectLogs,
  concat: concatLogs,
  records: (batch: LogBatch): unknown[] => [...logRecords(batch)],
} as const;
const TRACES = {
  signal: 'traces',
  decode: (bytes: Uint8Array): SpanBatch => decodeSpans(bytes),
  encode: (batch: SpanBatch): Uint8Array => written((writer) => encodeSpans(batch, writer)),
  select: selectSpans,
  concat: concatSpans,
  records: (batch: SpanBatch): unknown[] => [...spanRecords(batch)],
} as const;

function written(write: (writer: WireWriter) => void): Uint8Array {
  const writer = new WireWriter();
  write(writer);
  return writer.take();
}

type Item = Readonly<Record<string, unknown>> & { readonly attributes?: readonly { readonly key?: string }[] };

/** An item without what columns do not have: the order of attributes, all but the first of a key, indices into profiles' tables. */
function columnsOf(item: Item): Item {
  const first = new Map<string, object>();
  for (const { key = '', ...rest } of item.attributes ?? []) {
    const { keyStrindex: _, ...value } = { ...rest } as { keyStrindex?: number };
    if (!first.has(key)) first.set(key, value);
  }
  return { ...item, attributes: [...first].sort(([a], [b]) => (a < b ? -1 : 1)) as never };
}

function suite<B extends LogBatch | SpanBatch>(codec: {
  readonly signal: 'logs' | 'traces';
  readonly decode: (bytes: Uint8Array) => B;
  readonly encode: (batch: B) => Uint8Array;
  readonly select: (batch: B, verdict: (row: number) => boolean) => B | undefined;
  readonly concat: (batches: readonly B[]) => B;
  readonly records: (batch: B) => unknown[];
}): void {
  const { signal, decode, encode, select, concat, records } = codec;
  const seeds = fc.integer();
  const odd = { unknownFields: true, shuffled: true, zeros: true };

  describe(signal, () => {
    test('go through columns and come out as they were, with what OTLP does not know', () => {
      fc.assert(
        fc.property(seeds, fc.nat(4), (seed, size) => {
          const request = randomRequest(signal, seed, { ...odd, size });
          const batch = decode(request);
          assert.equal(batch.length, checkRequest(signal, request));
          const encoded = encode(batch);
          assert.deepEqual(content(signal, encoded), content(signal, request));
          assert.deepEqual([...unknownFields(signal, encoded)].sort(), [...unknownFields(signal, request)].sort());
          assert.deepEqual(encode(decode(encoded)), encoded);
        }),
        { numRuns: runs },
      );
    });

    test('have all their fields in the columns', () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const request = randomRequest(signal, seed, { zeros: true });
          const { sent: _, ...columns } = decode(request);
          const encoded = encode(columns as B);
          assert.deepEqual(items(signal, encoded).map(columnsOf), items(signal, request).map(columnsOf));
        }),
        { numRuns: runs },
      );
    });

    test('that were selected, joined and split are the same ones', () => {
      fc.assert(
        fc.property(fc.array(seeds, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 5 }), (all, size) => {
          const requests = all.map((seed) => randomRequest(signal, seed, odd));
          const expected = requests.flatMap((request) => items(signal, request));
          const joined = concat(requests.map((request) => decode(request)));
          assert.deepEqual(items(signal, encode(joined)), expected);
          const some = select(joined, (row) => row % 3 !== 1);
          const kept = expected.filter((_, row) => row % 3 !== 1);
          assert.deepEqual(some === undefined ? [] : items(signal, encode(some)), kept);
          if (some === undefined || some.length === 0) return;
          const pieces = splitBatch(signal, some as never, size) as readonly (LogBatch | SpanBatch)[] as readonly B[];
          assert.deepEqual(
            pieces.flatMap((piece) => items(signal, encode(piece))),
            kept,
          );
          assert.deepEqual(items(signal, encode(concat([...pieces].reverse()))).length, kept.length);
        }),
        { numRuns: runs / 3 },
      );
    });

    test('whose attributes were changed keep the others as they came, in their order', () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const request = randomRequest(signal, seed, odd);
          const before = items(signal, request) as readonly Item[];
          const change = (): B => {
            const batch = decode(request);
            const attributes = editAttributeColumns(batch.attributes, batch.length, (editor, row) => {
              if (row % 2 === 1) return;
              editor.delete('a');
              editor.set('http.method', 'GET');
              editor.set('new', row);
            });
            return { ...batch, attributes };
          };
          if (before.length === 0) return;
          const changed = change();
          const keys = ['http.method', 'new'];
          if (before.some(({ attributes = [] }, row) => row % 2 === 0 && attributes.some(({ key }) => key === 'a')))
            keys.push('a');
          const expected = before.map((item, row) => {
            const own = item.attributes ?? [];
            if (row % 2 === 1) return { ...item, attributes: withoutDoubles(own, keys) };
            const kept = withoutDoubles(own, keys).filter(({ key }) => key !== 'a');
            const method = { key: 'http.method', value: { stringValue: 'GET' } };
            const replaced = kept.map((entry) => (entry.key === 'http.method' ? method : entry));
            if (!replaced.includes(method)) replaced.push(method);
            return { ...item, attributes: [...replaced, { key: 'new', value: { intValue: String(row) } }] };
          });
          for (const made of [changed, concat([changed, change()])]) {
            const after = items(signal, encode(made)) as readonly Item[];
            for (const [i, item] of after.entries()) {
              assert.deepEqual(comparable(item), comparable(expected[i % expected.length]!));
            }
          }
        }),
        { numRuns: runs / 3 },
      );
    });

    test('that were deleted do not come back when batches are joined or cut', () => {
      const request = randomRequest(signal, 7, { size: 6 });
      const batch = decode(request);
      const none: B = { ...batch, attributes: new Map() };
      for (const made of [
        none,
        concat([none, none]),
        select(none, (row) => row > 0)!,
        concat([none, select(none, (row) => row > 0)!]),
      ]) {
        for (const item of items(signal, encode(made))) assert.equal(item['attributes'], undefined);
      }
    });

    test('of a changed resource keep everything else', () => {
      const request = randomRequest(signal, 11, { ...odd, size: 3 });
      const batch = decode(request);
      const resources = batch.resources.map((one) => withResourceAttributes(one, attributeSet({ 'host.name': 'h' })));
      const encoded = encode({ ...batch, resources });
      assert.deepEqual(items(signal, encoded), items(signal, request));
      assert.deepEqual([...unknownFields(signal, encoded)].sort(), [...unknownFields(signal, request)].sort());
    });

    test('that are still encoded stay so when their resources are changed', () => {
      fc.assert(
        fc.property(fc.array(seeds, { minLength: 1, maxLength: 3 }), (all) => {
          const decoder = new OtlpDecoder();
          const requests = all.map((seed) => randomRequest(signal, seed, { ...odd, size: 3 }));
          const batch = concatBatches(
            signal,
            requests.map((request) => decoder.decode(signal, request)),
          );
          assert.equal(
            mapResources(batch, (resource) => resource),
            batch,
          );
          const change = (resource: Resource): Resource =>
            withResourceAttributes(resource, resource.attributes.with({ 'host.name': 'h' }));
          const changed = mapResources(batch, change);
          const read = { ...batch, resources: batch.resources.map(change) };
          assert.equal(changed.length, batch.length);
          assert.deepEqual(content(signal, encodeOtlp(changed)), content(signal, encodeOtlp(read)));
          assert.deepEqual(
            [...unknownFields(signal, encodeOtlp(changed))].sort(),
            requests.flatMap((request) => unknownFields(signal, request)).sort(),
          );
          assert.deepEqual(
            changed.resources.map(({ attributes }) => attributes.get('host.name')),
            changed.resources.map(() => 'h'),
          );
          assert.equal(isEncoded(changed), isEncoded(batch));
        }),
        { numRuns: runs / 3 },
      );
    });

    test('that are malformed are refused, and what is not refused can be read', () => {
      let refused = 0;
      fc.assert(
        fc.property(seeds, (seed) => {
          const request = damaged(randomRequest(signal, seed, { ...odd, size: 2 }), new Dice(seed));
          let count: number;
          try {
            count = checkRequest(signal, request);
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
            refused++;
            return;
          }
          const batch = decode(request);
          assert.equal(records(batch).length, count);
          assert.deepEqual(items(signal, encode(batch)), items(signal, request));
          checkRequest(signal, encode({ ...batch, attributes: new Map(batch.attributes) }));
        }),
        { numRuns: runs },
      );
      assert.ok(refused > 0);
    });

    test('with strings that are no UTF-8 are refused', () => {
      const request = nested(1, signal === 'logs' ? 6 : 9, 'http.method');
      const at = Buffer.from(request).indexOf('http.method');
      for (const byte of [0x80, 0xc0, 0xed, 0xff]) {
        const broken = request.slice();
        broken[at] = byte;
        assert.throws(() => checkRequest(signal, broken), /not valid UTF-8/);
      }
    });

    test('with values nested deeper than 32 levels are refused', () => {
      const field = signal === 'logs' ? 6 : 9;
      assert.equal(checkRequest(signal, nested(32, field)), 1);
      assert.throws(() => checkRequest(signal, nested(33, field)), /nested deeper than 32 levels/);
      assert.throws(() => checkRequest(signal, nested(3000, field)), /nested deeper than 32 levels/);
    });

    test('of which each has other attributes take memory by their number', () => {
      const document = JSON.stringify({
        [signal === 'logs' ? 'resourceLogs' : 'resourceSpans']: [
          {
            [signal === 'logs' ? 'scopeLogs' : 'scopeSpans']: [
              {
                [signal === 'logs' ? 'logRecords' : 'spans']: Array.from({ length: 2000 }, (_, i) => ({
                  attributes: [
                    { key: `own.${i}`, value: { intValue: i } },
                    { key: 'all', value: { boolValue: true } },
                  ],
                })),
              },
            ],
          },
        ],
      });
      const request = otlpFromJson(signal, document);
      const batch = decode(request);
      assert.equal(batch.attributes.get('all')!.kind, 'bool');
      assert.equal(batch.attributes.get('own.1999')!.kind, 'sparse');
      const all = concat([
        batch,
        select(batch, (row) => row % 2 === 0)!,
        { ...batch, attributes: new Map(batch.attributes) },
      ]);
      assert.equal(all.attributes.get('own.1')!.kind, 'sparse');
      const read = records(all) as readonly { readonly attributes: { toObject(): unknown } }[];
      assert.deepEqual(read[7]!.attributes.toObject(), { all: true, 'own.7': 7 });
      assert.deepEqual(read[2007]!.attributes.toObject(), { all: true, 'own.14': 14 });
      assert.deepEqual(items(signal, encode(all)).slice(0, 2000), items(signal, request));
    });
  });
}

suite(LOGS);
suite(TRACES);

/** Without all but the first of these keys. */
function withoutDoubles<T extends { readonly key?: string }>(entries: readonly T[], keys: readonly string[]): T[] {
  return entries.filter(
    ({ key = '' }, i) => !keys.includes(key) || entries.findIndex((other) => other.key === key) === i,
  );
}

/** An item with `attributes` even if it has none, and without indices into profiles' tables. */
function comparable({ attributes = [], ...rest }: Item): unknown {
  return { ...rest, attributes: attributes.map(({ ...entry }) => ({ ...entry, keyStrindex: undefined })) };
}

/** A request of one item with an attribute of so many lists in one another. */
function nested(levels: number, field: number, text = ''): Uint8Array {
  const writer = new WireWriter();
  writer.string(1, text);
  let value: Uint8Array = writer.take();
  const wrap = (...fields: number[]): void => {
    for (const number of fields) {
      writer.bytes(number, value);
      value = writer.take();
    }
  };
  for (let level = 0; level < levels; level++) wrap(1, 5);
  wrap(2, field, 2, 2, 1);
  return value;
}

describe('log columns', () => {
  const record = (fields: string): LogBatch =>
    decodeLogs(otlpFromJson('logs', `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${fields}]}]}]}`));

  test('have the type that all values share, else the bytes', () => {
    const value = (text: string): string => `{"attributes":[{"key":"k","value":${text}}]}`;
    const kindOf = (...values: string[]): string => record(values.map(value).join()).attributes.get('k')!.kind;
    assert.equal(kindOf('{"stringValue":"a"}', '{"stringValue":""}'), 'string');
    assert.equal(kindOf('{"intValue":1}', '{"intValue":-1}'), 'int');
    assert.equal(kindOf('{"intValue":1}', '{"intValue":"9007199254740993"}'), 'encoded');
    assert.equal(kindOf('{"doubleValue":1}', '{"doubleValue":1.5}'), 'double');
    assert.equal(kindOf('{"boolValue":true}', '{"boolValue":false}'), 'bool');
    assert.equal(kindOf('{"boolValue":true}', '{"intValue":1}'), 'encoded');
    assert.equal(kindOf('{"bytesValue":"AA=="}'), 'encoded');
    assert.equal(kindOf('{}'), 'encoded');
  });

  test('are read as records', () => {
    const batch = record(
      '{"timeUnixNano":5,"severityNumber":9,"body":{"stringValue":"x"},"traceId":"5b8efff798038103d269b633813fc60c","attributes":[{"key":"b","value":{"intValue":1}},{"key":"a","value":{"doubleValue":2}}]},{"timeUnixNano":5,"body":{"stringValue":"y"}}',
    );
    assert.equal(batch.time, 5n);
    const first = logRecord(batch, 0);
    assert.equal(first.body, 'x');
    assert.equal(first.traceId, '5b8efff798038103d269b633813fc60c');
    assert.deepEqual(first.attributes.keys(), ['a', 'b']);
    assert.equal(logRecord(batch, 1).traceId, '');
    assert.equal(batch.spanIds, undefined);
  });

  test('of a changed column are written, the others as they came', () => {
    const batch = record('{"severityNumber":300,"severityText":"x","spanId":"0102030405060708","flags":1}');
    const item = (made: LogBatch): unknown => items('logs', LOGS.encode(made))[0];
    const whole = { severityNumber: 300, severityText: 'x', body: {}, flags: 1, spanId: '0102030405060708' };
    assert.deepEqual(item(batch), whole);
    assert.deepEqual(item({ ...batch, flags: 2 }), { ...whole, flags: 2 });
    assert.deepEqual(item({ ...batch, severity: Uint8Array.of(5) }), { ...whole, severityNumber: 5 });
    assert.deepEqual(item({ ...batch, time: 7n }), { timeUnixNano: '7', ...whole });
    const { spanIds: _, ...rest } = batch;
    const { spanId: __, ...withoutId } = whole;
    assert.deepEqual(item(rest), withoutId);
  });

  test('of our own records are written whole, beside foreign ones', () => {
    const builder = new LogBuilder();
    builder.add({
      time: 3n,
      severity: 9,
      body: { code: 7 },
      attributes: { n: 1.5, list: ['a', 2n ** 60n] },
      droppedAttributes: 4,
    });
    const own = builder.take()!;
    const expected = {
      timeUnixNano: '3',
      observedTimeUnixNano: '3',
      severityNumber: 9,
      body: { kvlistValue: { values: [{ key: 'code', value: { intValue: '7' } }] } },
      attributes: [
        { key: 'n', value: { doubleValue: 1.5 } },
        { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1152921504606846976' }] } } },
      ],
      droppedAttributesCount: 4,
    };
    assert.deepEqual(items('logs', LOGS.encode(own)), [expected]);
    const foreign = (): LogBatch => record('{"severityText":"x"}');
    assert.deepEqual(items('logs', LOGS.encode(concatLogs([foreign(), own, foreign()]))), [
      { severityText: 'x', body: {} },
      expected,
      { severityText: 'x', body: {} },
    ]);
  });
});

describe('span builder', () => {
  const ids = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174' };

  test('makes spans that are read and written as they were given', () => {
    const builder = new SpanBuilder();
    assert.equal(builder.take(), undefined);
    const full = {
      ...ids,
      parentSpanId: 'eee19b7ec3c1b173',
      traceState: 'a=b',
      name: 'op',
      kind: 2,
      startTime: 10n,
      endTime: 20n,
      attributes: { route: '/pay', n: 1 },
      statusCode: 2,
      statusMessage: 'bad',
      flags: 0x101,
      events: [
        { time: 11n, name: 'e', attributes: { x: true }, droppedAttributes: 1 },
        { time: 12n, name: 'f' },
      ],
      links: [{ ...ids, traceState: 'c=d', attributes: attributeSet({ y: 'z' }), droppedAttributes: 2, flags: 1 }],
      droppedAttributes: 3,
      droppedEvents: 4,
      droppedLinks: 5,
    };
    builder.add({ ...ids, name: 'root', startTime: 1n, endTime: 2n });
    builder.add(full);
    const batch = builder.take()!;
    assert.equal(builder.length, 0);
    const [root, span] = [...spanRecords(batch)];
    assert.equal(root!.parentSpanId, '');
    assert.deepEqual(root!.events, []);
    const plain = { ...span!, attributes: span!.attributes.toObject() };
    assert.deepEqual(plain.attributes, { n: 1, route: '/pay' });
    assert.deepEqual(
      [plain.traceId, plain.parentSpanId, plain.traceState, plain.name, plain.kind, plain.startTime, plain.endTime],
      [full.traceId, full.parentSpanId, full.traceState, full.name, full.kind, full.startTime, full.endTime],
    );
    assert.deepEqual([plain.statusCode, plain.statusMessage, plain.flags], [2, 'bad', 0x101]);
    assert.deepEqual([plain.droppedAttributes, plain.droppedEvents, plain.droppedLinks], [3, 4, 5]);
    assert.deepEqual(
      plain.events.map((event) => [event.time, event.name, event.attributes.toObject(), event.droppedAttributes]),
      [
        [11n, 'e', { x: true }, 1],
        [12n, 'f', {}, 0],
      ],
    );
    assert.deepEqual(
      plain.links.map((link) => [
        link.traceId,
        link.spanId,
        link.traceState,
        link.attributes.toObject(),
        link.droppedAttributes,
        link.flags,
      ]),
      [[ids.traceId, ids.spanId, 'c=d', { y: 'z' }, 2, 1]],
    );
    const again = [...spanRecords(decodeSpans(TRACES.encode(batch)))];
    const comparableRecord = (record: (typeof again)[number]): unknown => ({
      ...record,
      resource: undefined,
      scope: undefined,
      attributes: record.attributes.toObject(),
      events: record.events.map((event) => ({ ...event, attributes: event.attributes.toObject() })),
      links: record.links.map((link) => ({ ...link, attributes: link.attributes.toObject() })),
    });
    assert.deepEqual(again.map(comparableRecord), [root!, span!].map(comparableRecord));
  });

  test('refuses what OTLP cannot carry, and adds nothing then', () => {
    const builder = new SpanBuilder();
    const span = { ...ids, name: '', startTime: 0n, endTime: 0n };
    assert.throws(() => builder.add({ ...span, traceId: '00' }), /not an id of 32 hex digits/);
    assert.throws(() => builder.add({ ...span, spanId: 'xyz' }), /not an id of 16 hex digits/);
    assert.throws(() => builder.add({ ...span, kind: 6 }), /kind 6 is not one of OTLP's numbers/);
    assert.throws(() => builder.add({ ...span, statusCode: -1 }), /status code -1/);
    assert.throws(() => builder.add({ ...span, attributes: { big: 2n ** 70n } }), /"big".*64 bits/);
    assert.throws(() => builder.add({ ...span, links: [{ traceId: '', spanId: '' }] }), /not an id/);
    assert.equal(builder.length, 0);
  });
});
