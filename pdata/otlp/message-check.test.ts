import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodedItems, isEncoded } from '../encoded-batch.ts';
import { OtlpDecoder } from './decoder.ts';
import { WireError } from './wire.ts';

/** A length-delimited field. */
const field = (number: number, ...content: readonly (string | number | Uint8Array)[]): Uint8Array => {
  const bytes = Buffer.concat(
    content.map((one) => (typeof one === 'number' ? Uint8Array.of(one) : Buffer.from(one as Uint8Array))),
  );
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >>> 7];
  return Buffer.concat([Uint8Array.of((number << 3) | 2, ...length), bytes]);
};

/** A request of one gauge, histogram or exponential histogram with one point of these fields. */
const request = (kind: 5 | 9 | 10, ...point: readonly Uint8Array[]): Uint8Array =>
  field(1, field(2, field(2, field(1, 'm'), field(kind, field(1, ...point)))));

const attribute = (key: string | Uint8Array, value: Uint8Array): Uint8Array => field(7, field(1, key), field(2, value));

const items = (bytes: Uint8Array): number => {
  const batch = new OtlpDecoder().decode('metrics', bytes);
  return isEncoded(batch) ? encodedItems(batch) : Number.NaN;
};

const refuses = (bytes: Uint8Array, message: RegExp): void => {
  assert.throws(
    () => items(bytes),
    (error) => error instanceof WireError && message.test(error.message),
  );
};

describe('a metrics request is checked', () => {
  test('with attributes of every length and kind', () => {
    for (let length = 0; length < 300; length++) {
      const text = 'x'.repeat(length);
      assert.equal(items(request(5, attribute('k', field(1, text)))), 1);
      assert.equal(items(request(5, attribute(text, field(1, 'v')))), 1);
      assert.equal(items(request(5, attribute(`é${text}`, field(1, `世${text}`)))), 1);
    }
    assert.equal(items(request(5, attribute('k', Uint8Array.of(0x18, 5)))), 1);
    assert.equal(items(request(5, attribute('k', field(5, field(1, field(1, 'in a list')))))), 1);
  });

  test('for UTF-8 at every place of an attribute', () => {
    for (let at = 0; at < 20; at++) {
      const text = Buffer.from('x'.repeat(20));
      text[at] = 0xff;
      refuses(request(5, attribute('k', field(1, text))), /stringValue is not valid UTF-8/);
      refuses(request(5, attribute(text, field(1, 'v'))), /key is not valid UTF-8/);
    }
  });

  test('for attributes that are cut off at every place', () => {
    const whole = attribute('key', field(1, 'value'));
    for (let length = 3; length < whole.length; length++) {
      const cut = field(7, whole.subarray(2, length));
      const inner = (): number => items(request(5, cut));
      // Between its two fields it is whole, without a value.
      if (length === 2 + 5) assert.equal(inner(), 1);
      else assert.throws(inner, WireError);
    }
  });

  test('for lengths in an attribute that lie', () => {
    const plain = attribute('key', field(1, 'value'));
    for (let at = 3; at < plain.length; at++) {
      for (const wrong of [0x00, 0x7f, 0x80, 0xff]) {
        const changed = Buffer.from(plain);
        changed[at] = wrong;
        try {
          assert.equal(items(request(5, changed)), 1);
        } catch (error) {
          assert.ok(error instanceof WireError);
        }
      }
    }
    const lie = Buffer.from(plain);
    lie[3] = 0x7f;
    refuses(request(5, lie), /127 bytes/);
  });

  test('for packed numbers', () => {
    assert.equal(items(request(9, field(6, Buffer.alloc(16)), field(7, Buffer.alloc(8)))), 1);
    refuses(request(9, field(6, Buffer.alloc(15))), /cut off/);
    refuses(request(9, field(7, Buffer.alloc(4))), /cut off/);
    const buckets = (...counts: readonly number[]) => request(10, field(8, field(2, Uint8Array.from(counts))));
    assert.equal(items(buckets(1, 0x80, 1, 0)), 1);
    refuses(buckets(1, 0x80), /cut off/);
    refuses(buckets(...Array<number>(9).fill(0xff), 0x02), /more than 64 bits/);
  });
});
