import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OtlpJsonError, otlpFromJson, otlpToJson, SIGNALS, type Signal, WireError } from '../index.ts';
import { Dice, randomRequest } from './test/random-request.ts';
import { damaged } from './test/requests.ts';
import { WireWriter } from './wire.ts';

const runs = process.env['BPFLOW_SUITE'] === 'full' ? 3000 : 300;
const signals = fc.constantFrom(...SIGNALS);

function text(signal: Signal, request: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(otlpToJson(signal, request));
}

/** What becomes of a document with one log record of these fields. */
function record(fields: string): string {
  const request = otlpFromJson('logs', `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${fields}]}]}]}`);
  const json = text('logs', request);
  return json.slice('{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":['.length, -']}]}]}'.length);
}

/** What becomes of a double in both directions. */
function double(json: string): string {
  const made = record(`{"body":{"doubleValue":${json}}}`);
  return made.slice('{"body":{"doubleValue":'.length, -'}}'.length);
}

describe('requests as JSON', () => {
  const lines = readFileSync(new URL('testdata/collector.jsonl', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  for (const [i, line] of lines.entries()) {
    const { signal, proto, json } = JSON.parse(line) as { signal: Signal; proto: string; json: string };
    test(`are the bytes that the Collector's marshaler writes (${signal}, ${i})`, () => {
      const request = new Uint8Array(Buffer.from(proto, 'base64'));
      assert.equal(text(signal, request), json);
      assert.equal(text(signal, otlpFromJson(signal, json)), json);
    });
  }

  test('have the form of its file exporter', () => {
    const metric =
      '{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]},"scopeMetrics":[{"scope":{"name":"my.scope","version":"1.2"},"metrics":[{"name":"net.io","unit":"By","sum":{"dataPoints":[{"attributes":[{"key":"dir","value":{"stringValue":"rx"}}],"timeUnixNano":"1795227452000000000","asDouble":1024.5}],"aggregationTemporality":2,"isMonotonic":true}}],"schemaUrl":"https://opentelemetry.io/schemas/1.27.0"}]}]}';
    assert.equal(text('metrics', otlpFromJson('metrics', metric)), metric);
    const log =
      '{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{"name":"lib"},"logRecords":[{"timeUnixNano":"1795227452000000000","observedTimeUnixNano":"1795227452000000001","severityNumber":9,"severityText":"INFO","body":{"stringValue":"hello"},"attributes":[{"key":"n","value":{"intValue":"5"}},{"key":"by","value":{"bytesValue":"AQI="}}],"flags":1,"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","eventName":"ev"}]}]}]}';
    assert.equal(text('logs', otlpFromJson('logs', log)), log);
    const span =
      '{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{"name":"lib"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","traceState":"ot=rv:a480091545d6df;th:8","parentSpanId":"eee19b7ec3c1b173","name":"op","kind":2,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","attributes":[{"key":"a","value":{"boolValue":false}}],"events":[{"timeUnixNano":"1544712660500000000","name":"e"}],"links":[{"traceId":"5b8efff798038103d269b633813fc60d","spanId":"eee19b7ec3c1b175"}],"status":{"message":"bad","code":2}}]}]}]}';
    assert.equal(text('traces', otlpFromJson('traces', span)), span);
  });

  test('keep what they say on the way to protobuf and back, whatever it is', () => {
    fc.assert(
      fc.property(
        signals,
        fc.integer(),
        fc.nat(5),
        fc.boolean(),
        fc.boolean(),
        (signal, seed, size, shuffled, zeros) => {
          const request = randomRequest(signal, seed, { size, shuffled, zeros, unknownFields: shuffled });
          const json = text(signal, request);
          assert.equal(text(signal, otlpFromJson(signal, json)), json);
        },
      ),
      { numRuns: runs },
    );
  });

  test('in parts are one request', () => {
    const [a, b] = [randomRequest('logs', 1), randomRequest('logs', 2)];
    const joined = new Uint8Array([...a, ...b]);
    const lists = [a, b, joined].map((request) => JSON.parse(text('logs', request)).resourceLogs ?? []);
    assert.deepEqual(lists[2], [...lists[0], ...lists[1]]);
  });

  test('of a message that comes in two pieces have one object', () => {
    const writer = new WireWriter();
    const outer = writer.begin(1);
    for (const key of ['a', 'b']) {
      const resource = writer.begin(1);
      const entry = writer.begin(1);
      writer.string(1, key);
      writer.end(entry);
      writer.end(resource);
    }
    writer.end(outer);
    assert.equal(
      text('logs', writer.take()),
      '{"resourceLogs":[{"resource":{"attributes":[{"key":"a","value":{}},{"key":"b","value":{}}]}}]}',
    );
  });

  test('keep ids of a wrong length', () => {
    const request = otlpFromJson(
      'logs',
      '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"spanId":"0102030405060708"}]}]}]}',
    );
    const shorter = new Uint8Array(request.subarray(0, request.length - 1));
    for (const at of [1, 3, 5, 7]) shorter[at]!--;
    assert.match(text('logs', shorter), /"spanId":"01020304050607"/);
  });
});

describe('numbers', () => {
  const doubles: readonly (readonly [from: string, to: string])[] = [
    ['0', '0'],
    ['-0', '-0'],
    ['1.0', '1'],
    ['1024.5', '1024.5'],
    ['1e20', '100000000000000000000'],
    ['1e21', '1e+21'],
    ['0.000001', '0.000001'],
    ['0.0000001', '1e-07'],
    ['-1.25e-9', '-1.25e-09'],
    ['5e-324', '5e-324'],
    ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ['9007199254740993', '9007199254740992'],
    ['"NaN"', '"NaN"'],
    ['"Infinity"', '"Infinity"'],
    ['"-Infinity"', '"-Infinity"'],
    ['"-inf"', '"-Infinity"'],
    ['"1.5"', '1.5'],
  ];
  for (const [from, to] of doubles) test(`the double ${from} is written ${to}`, () => assert.equal(double(from), to));

  test('doubles come back as they were, any of them', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.ok(Object.is(Number(double(Object.is(value, -0) ? '-0' : String(value))), value));
      }),
    );
  });

  test('doubles of few decimals have the shortest text', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(9), fc.boolean(), (digits, decimals, odd) => {
        const value = digits / 10 ** decimals + (odd ? 2 ** -40 : 0);
        const text = double(String(value));
        assert.equal(text.replace(/e-0(\d)$/, 'e-$1'), String(value));
      }),
      { numRuns: 2000 },
    );
  });

  test('64-bit integers are exact, as strings and as numbers', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (time, int) => {
          const body = int === 0n ? '"body":{"intValue":"0"}' : `"body":{"intValue":"${int}"}`;
          const expected = time === 0n ? `{${body}}` : `{"timeUnixNano":"${time}",${body}}`;
          assert.equal(record(`{"timeUnixNano":${time},"body":{"intValue":${int}}}`), expected);
          assert.equal(record(`{"timeUnixNano":"${time}","body":{"intValue":"${int}"}}`), expected);
        },
      ),
    );
  });
});

describe('documents', () => {
  const taken: readonly (readonly [what: string, from: string, to: string])[] = [
    [
      'names in snake_case',
      '{"time_unix_nano":"12","severity_text":"x"}',
      '{"timeUnixNano":"12","severityText":"x","body":{}}',
    ],
    ['names with escapes', '{"\\u0073everityText":"x"}', '{"severityText":"x","body":{}}'],
    ['enums by name', '{"severityNumber":"SEVERITY_NUMBER_WARN2"}', '{"severityNumber":14,"body":{}}'],
    ['enum values that OTLP does not know', '{"severityNumber":77}', '{"severityNumber":77,"body":{}}'],
    ['null for absent', '{"severityText":null,"flags":null,"attributes":null,"body":null}', '{"body":{}}'],
    [
      'whole numbers with a fraction or an exponent',
      '{"flags":1.0,"timeUnixNano":1e3}',
      '{"timeUnixNano":"1000","body":{},"flags":1}',
    ],
    ['integers in strings', '{"flags":"1"}', '{"body":{},"flags":1}'],
    ['ids in capitals', '{"spanId":"EEE19B7EC3C1B174"}', '{"body":{},"spanId":"eee19b7ec3c1b174"}'],
    ['empty ids', '{"traceId":""}', '{"body":{}}'],
    [
      'base64 of both alphabets, padded or not',
      '{"body":{"arrayValue":{"values":[{"bytesValue":"-_8"},{"bytesValue":"+/8="}]}}}',
      '{"body":{"arrayValue":{"values":[{"bytesValue":"+/8="},{"bytesValue":"+/8="}]}}}',
    ],
    [
      'escapes',
      '{"severityText":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud835\\udcb3"}',
      '{"severityText":"\\"\\\\/\\u0008\\u000c\\n\\r\\té𝒳","body":{}}',
    ],
    ['lone surrogates, as U+FFFD', '{"severityText":"\\ud800"}', '{"severityText":"\ufffd","body":{}}'],
    [
      'unknown fields of any kind',
      '{"x":{"y":[1,-2.5e3,true,false,null,{"z":{}},[]],"\\"":"}"},"severityText":"x"}',
      '{"severityText":"x","body":{}}',
    ],
    ['white space', ' {\n"severityText"\t:\r"x" } ', '{"severityText":"x","body":{}}'],
  ];
  for (const [what, from, to] of taken) test(`may have ${what}`, () => assert.equal(record(from), to));

  const at = 'resourceLogs[0].scopeLogs[0].logRecords[0]';
  const refused: readonly (readonly [what: string, fields: string, path: string, problem: RegExp])[] = [
    ['an object for a string', '{"severityText":{}}', `${at}.severityText`, /expected a string, found an object/],
    ['a string for an object', '{"body":"x"}', `${at}.body`, /expected an object, found a string/],
    ['an object for a list', '{"attributes":{}}', `${at}.attributes`, /expected a list, found an object/],
    ['a word for a number', '{"flags":"one"}', `${at}.flags`, /expected an unsigned 32-bit integer, found "one"/],
    ['a number that is too large', '{"flags":4294967296}', `${at}.flags`, /unsigned 32-bit/],
    ['a negative time', '{"timeUnixNano":"-1"}', `${at}.timeUnixNano`, /unsigned 64-bit/],
    ['a time beyond 64 bits', '{"timeUnixNano":"18446744073709551616"}', `${at}.timeUnixNano`, /unsigned 64-bit/],
    ['a fraction for an integer', '{"flags":1.5}', `${at}.flags`, /unsigned 32-bit/],
    ['a double beyond all', '{"body":{"doubleValue":1e999}}', `${at}.body.doubleValue`, /expected a number/],
    ['a number of another grammar', '{"flags":01}', `${at}.flags`, /expected a number/],
    [
      'an enum name that is none',
      '{"severityNumber":"LOUD"}',
      `${at}.severityNumber`,
      /name of an enum value, found "LOUD"/,
    ],
    ['a string for a boolean', '{"body":{"boolValue":"true"}}', `${at}.body.boolValue`, /expected true or false/],
    ['an id that is too short', '{"traceId":"00"}', `${at}.traceId`, /32 hex digits/],
    ['an id that is no hex', '{"spanId":"000000000000000g"}', `${at}.spanId`, /16 hex digits/],
    ['bytes that are no base64', '{"body":{"bytesValue":"a"}}', `${at}.body.bytesValue`, /base64/],
    ['a control character', '{"severityText":"\n"}', `${at}.severityText`, /control character/],
    ['an escape that JSON does not know', '{"severityText":"\\x"}', `${at}.severityText`, /escape/],
    ['a missing comma', '{"flags":1 "severityText":""}', at, /a comma or "}"/],
    ['a comma too many', '{"flags":1,}', at, /expected a string/],
    ['a field without a value', '{"flags":}', `${at}.flags`, /expected a number/],
    ['an unknown field of broken JSON', '{"x":[1,2}', at, /a comma or "\]"/],
    [
      'an element that is wrong',
      '{"attributes":[{},{"key":"a","value":{"arrayValue":{"values":[{},{"intValue":"x"}]}}}]}',
      `${at}.attributes[1].value.arrayValue.values[1].intValue`,
      /64-bit integer/,
    ],
  ];
  for (const [what, fields, path, problem] of refused) {
    test(`with ${what} are refused with the path`, () => {
      assert.throws(
        () => record(fields),
        (error) =>
          error instanceof OtlpJsonError &&
          error.path === path &&
          problem.test(error.message) &&
          error.message.startsWith(path),
      );
    });
  }

  test('that are empty, cut off, no object or followed by something are refused', () => {
    for (const document of ['', '[]', 'null', '1', '{', '{"a"', '{"a":', '{"a":"', '{} {}', '{"a":tru}']) {
      assert.throws(() => otlpFromJson('metrics', document), OtlpJsonError, document);
    }
    assert.deepEqual(otlpFromJson('metrics', '{}'), new Uint8Array(0));
  });

  test('of bytes that are no UTF-8 are refused', () => {
    const bytes = new TextEncoder().encode('{"resourceLogs":[{"schemaUrl":"x?"}]}');
    for (const byte of [0x80, 0xc0, 0xf5, 0xff, 0xe2]) {
      bytes[bytes.indexOf(0x78) + 1] = byte;
      assert.throws(() => otlpFromJson('logs', bytes), /resourceLogs\[0\]\.schemaUrl: a string is not valid UTF-8/);
      bytes[bytes.indexOf(0x78) + 1] = 0x3f;
    }
  });

  test('nested without end are refused, in values and in what is unknown', () => {
    const nested = (levels: number): string =>
      `{"body":${'{"arrayValue":{"values":['.repeat(levels)}{}${']}}'.repeat(levels)}}`;
    assert.ok(record(nested(32)).includes('values'));
    assert.throws(() => record(nested(33)), /nested deeper than 32 levels/);
    assert.throws(() => record(nested(100_000)), /nested deeper than 32 levels/);
    assert.throws(() => record(`{"x":${'['.repeat(1_000_000)}`), /nested deeper than 1000 levels/);
  });
});

describe('damage', () => {
  test('of a request gives JSON or a WireError', () => {
    let refused = 0;
    fc.assert(
      fc.property(signals, fc.integer(), (signal, seed) => {
        const request = damaged(randomRequest(signal, seed, { size: 2, unknownFields: true }), new Dice(seed));
        try {
          JSON.parse(new TextDecoder().decode(otlpToJson(signal, request)));
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
          refused++;
        }
      }),
      { numRuns: runs },
    );
    assert.ok(refused > 0);
  });

  test('of a document gives a request that can be read, or an OtlpJsonError', () => {
    let refused = 0;
    fc.assert(
      fc.property(signals, fc.integer(), (signal, seed) => {
        const document = damaged(otlpToJson(signal, randomRequest(signal, seed, { size: 2 })), new Dice(seed));
        try {
          text(signal, otlpFromJson(signal, document));
        } catch (error) {
          assert.ok(error instanceof OtlpJsonError, String(error));
          refused++;
        }
      }),
      { numRuns: runs },
    );
    assert.ok(refused > 0);
  });

  test('groups, field 0 and values nested without end are refused', () => {
    assert.throws(() => otlpToJson('logs', Uint8Array.of(0x0b)), WireError);
    assert.throws(() => otlpToJson('logs', Uint8Array.of(0x00, 0x00)), WireError);
    let body: Uint8Array = new Uint8Array(0);
    const writer = new WireWriter();
    for (let level = 0; level < 200; level++) {
      writer.bytes(1, body);
      const values = writer.take();
      writer.bytes(5, values);
      body = writer.take();
    }
    for (const field of [5, 2, 2, 1]) {
      writer.bytes(field, body);
      body = writer.take();
    }
    assert.throws(() => otlpToJson('logs', body), /nested too deeply/);
  });
});
