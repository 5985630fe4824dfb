import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { otlpToJson, SIGNALS, WrittenLists } from '../index.ts';
import { joinBytes } from './join-bytes.ts';
import { randomRequest } from './test/random-request.ts';
import { WireWriter } from './wire.ts';

const runs = process.env['BPFLOW_SUITE'] === 'full' ? 3000 : 300;

/** Fields of a data point: some series of several attributes, all kinds of values, and what stands between them. */
const field = {
  start: fc.constantFrom(0n, 1n, 1_544_712_660_300_000_000n, 2n ** 64n - 1n).map((value) => fixed64(2, value)),
  time: fc.constantFrom(0n, 1_544_712_660_000_000_000n, 1_544_712_661_000_000_000n).map((value) => fixed64(3, value)),
  int: fc.constantFrom(0n, 7n, 2n ** 63n, 2n ** 64n - 1n).map((value) => fixed64(6, value)),
  double: fc.constantFrom(0, -0, 1.5, 1e300, Number.NaN, Number.NEGATIVE_INFINITY).map(double),
  attributes: fc
    .tuple(fc.nat(5), fc.nat(4))
    .map(([series, count]) =>
      joinBytes(Array.from({ length: count }, (_, i) => attribute(`key.${i}`, `value of ${series}`))),
    ),
  other: fc.constantFrom(
    Uint8Array.of(0x40, 1),
    bytes((wire) => wire.string(15, 'unknown')),
  ),
};
const usual = fc.tuple(field.start, field.time, fc.oneof(field.int, field.double), field.attributes);
const any = fc.array(fc.oneof(...Object.values(field)), { maxLength: 8 });
const points = fc.array(fc.oneof(usual, any).map(joinBytes), { maxLength: 30 });

describe('lists that were written before', () => {
  test('change nothing in the JSON of data points', () => {
    const written = new WrittenLists();
    fc.assert(
      fc.property(points, fc.constantFrom(5, 7), (all, kind) => {
        const request = requestOf(kind, all);
        const plain = text(otlpToJson('metrics', request));
        for (let i = 0; i < 2; i++) assert.equal(text(otlpToJson('metrics', request, undefined, written)), plain);
      }),
      { numRuns: runs },
    );
  });

  test('change nothing in the JSON of any request', () => {
    const written = new WrittenLists();
    fc.assert(
      fc.property(fc.constantFrom(...SIGNALS), fc.nat(50), (signal, seed) => {
        const request = randomRequest(signal, seed);
        assert.equal(text(otlpToJson(signal, request, undefined, written)), text(otlpToJson(signal, request)));
      }),
      { numRuns: runs },
    );
  });

  test('are found among those of many other series', () => {
    const written = new WrittenLists();
    for (let round = 0; round < 3; round++) {
      for (let series = 0; series < 20_000; series += 1000) {
        const request = requestOf(
          7,
          Array.from({ length: 1000 }, (_, i) =>
            joinBytes([fixed64(3, 1n), fixed64(6, 1n), attribute('http.route', `/path/of/series/${series + i}`)]),
          ),
        );
        const json = text(otlpToJson('metrics', request, undefined, written));
        assert.equal(json, text(otlpToJson('metrics', request)));
      }
    }
  });
});

function text(json: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(json);
}

/** A request with one metric: a gauge (5) or a sum (7) of these points. */
function requestOf(kind: number, all: readonly Uint8Array[]): Uint8Array {
  const data = message(kind, joinBytes(all.map((point) => message(1, point))));
  return message(1, message(2, message(2, data)));
}

function attribute(key: string, value: string): Uint8Array {
  const any = bytes((wire) => wire.string(1, value));
  return message(7, joinBytes([bytes((wire) => wire.string(1, key)), message(2, any)]));
}

function message(number: number, content: Uint8Array): Uint8Array {
  const head = bytes((wire) => {
    wire.tag(number, 2);
    wire.varint(content.length);
  });
  return joinBytes([head, content]);
}

function fixed64(number: number, value: bigint): Uint8Array {
  return bytes((wire) => {
    wire.tag(number, 1);
    wire.fixed64(value);
  });
}

function double(value: number): Uint8Array {
  return bytes((wire) => {
    wire.tag(4, 1);
    wire.double(value);
  });
}

function bytes(write: (wire: WireWriter) => void): Uint8Array {
  const wire = new WireWriter();
  write(wire);
  return wire.take();
}
