import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { fakeScope } from 'bpflow/testing';
import { ByteBudget } from 'bpflow/transport';
import { type ContentCoding, DamagedError, Inflater, TooLargeError } from './inflate.ts';
import { snappy } from './snappy.ts';

const MAX = 8 * 1024 * 1024;
const x = Buffer.from('x');
/** Zstandard that does not say its size. */
const silent = (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });

const packers: Readonly<Record<string, [ContentCoding, (bytes: Buffer) => Buffer | Promise<Buffer>]>> = {
  gzip: ['gzip', gzipSync],
  deflate: ['deflate', deflateSync],
  zstd: ['zstd', zstdCompressSync],
  'zstd that does not say its size': ['zstd', silent],
  'a block of snappy': ['snappy', (bytes) => snappy('snappy', bytes)],
  'frames of snappy': ['x-snappy-framed', (bytes) => snappy('x-snappy-framed', bytes)],
  'snappy of two streams': [
    'x-snappy-framed',
    async (bytes) =>
      Buffer.concat([await snappy('x-snappy-framed', x), await snappy('x-snappy-framed', bytes.subarray(1))]),
  ],
  'gzip of two members': ['gzip', (bytes) => Buffer.concat([gzipSync(bytes.subarray(1)), gzipSync(x)])],
  'zstd of two frames': ['zstd', (bytes) => Buffer.concat([zstdCompressSync(x), zstdCompressSync(bytes.subarray(1))])],
  'zstd of two frames that do not say their sizes': [
    'zstd',
    (bytes) => Buffer.concat([silent(x), silent(bytes.subarray(1))]),
  ],
};

function inflater() {
  const inner = new Inflater(new ByteBudget(64 * MAX, fakeScope().clock), MAX);
  let reserved = 0;
  return {
    inflate: async (coding: ContentCoding, bytes: Uint8Array, max = MAX) =>
      inner.inflate(coding, bytes, max, (more) => {
        reserved += more;
      }),
    reserved: () => reserved,
  };
}

describe('inflating', () => {
  for (const [name, [coding, pack]] of Object.entries(packers)) {
    test(`${name}: all of it, in memory of its own, up to the last byte that is allowed`, async () => {
      for (const size of [2, 300, 70_000, 3_000_000]) {
        const text = Buffer.from(randomBytes(size / 2).toString('hex'));
        const plain = name.includes('two') ? Buffer.from(text.fill('x', 0, 1)) : text;
        const packed = await pack(plain);
        const { inflate, reserved } = inflater();
        const got = await inflate(coding, packed, size);
        const expected = name === 'gzip of two members' ? Buffer.concat([plain.subarray(1), x]) : plain;
        assert.equal(Buffer.compare(got, expected), 0);
        assert.ok(got.buffer.byteLength <= got.length * 1.25 + 1, `${got.buffer.byteLength} bytes for ${size}`);
        assert.ok(packed.length <= 4096 || (reserved() >= size && reserved() <= MAX), `${reserved()} for ${size}`);
        await assert.rejects(inflate(coding, packed, size - 1), TooLargeError);
      }
    });
  }

  test('reserves what is announced, and all that may come out where nothing or a lie is', async () => {
    const bytes = randomBytes(100_000);
    const reservedFor = async (coding: ContentCoding, packed: Uint8Array): Promise<number> => {
      const { inflate, reserved } = inflater();
      await inflate(coding, packed);
      return reserved();
    };
    assert.equal(await reservedFor('gzip', gzipSync(bytes)), 100_000);
    assert.equal(await reservedFor('zstd', zstdCompressSync(bytes)), 100_000);
    assert.equal(await reservedFor('zstd', silent(bytes)), MAX);
    assert.equal(await reservedFor('gzip', Buffer.concat([gzipSync(bytes), gzipSync(x)])), MAX);
  });

  test('does not begin without memory', async () => {
    const inner = new Inflater(new ByteBudget(64 * MAX, fakeScope().clock), MAX);
    const none = new Error('none');
    const packed = gzipSync(randomBytes(10_000));
    const attempt = async () =>
      inner.inflate('gzip', packed, MAX, () => {
        throw none;
      });
    await assert.rejects(attempt(), none);
    assert.equal((await inner.inflate('gzip', packed, MAX, () => {})).length, 10_000);
  });

  test('bombs leave no memory behind, whatever they say of their size', async () => {
    const zeros = Buffer.alloc(64 * 1024 * 1024);
    const bombs: [ContentCoding, Buffer][] = [
      ['gzip', gzipSync(zeros)],
      ['gzip', Buffer.concat([gzipSync(zeros), gzipSync(x)])],
      ['deflate', deflateSync(zeros)],
      ['zstd', Buffer.concat([zstdCompressSync(randomBytes(5000)), silent(zeros)])],
    ];
    for (const [coding, bomb] of bombs) {
      const { inflate } = inflater();
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          await assert.rejects(inflate(coding, bomb), TooLargeError);
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        }),
      );
      assert.ok(most < 12 * MAX, `${coding}: ${most >> 20} MiB for 4 at a time`);
    }
  });

  test('snappy is believed only as far as it is long, and nothing else is taken for it', async () => {
    const block = await snappy('snappy', Buffer.alloc(100_000, 'ab'));
    const frames = await snappy('x-snappy-framed', Buffer.alloc(200_000, 'ab'));
    const changed = (bytes: Buffer, at: number, value: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy[at] = value;
      return copy;
    };
    const damaged: readonly (readonly [ContentCoding, Buffer])[] = [
      ['snappy', Buffer.alloc(0)],
      ['snappy', block.subarray(0, 50)],
      ['snappy', Buffer.from('ffffffffff01', 'hex')],
      ['snappy', Buffer.from('04', 'hex')],
      ['snappy', frames],
      ['x-snappy-framed', block],
      ['x-snappy-framed', frames.subarray(0, -1)],
      ['x-snappy-framed', frames.subarray(10)],
      // The first byte of the first frame's checksum, and its announced size: more than a frame may hold.
      ['x-snappy-framed', changed(frames, 14, frames[14]! ^ 1)],
      ['x-snappy-framed', changed(frames, 20, 0x7f)],
      ['x-snappy-framed', gzipSync(frames)],
    ];
    for (const [i, [coding, bytes]] of damaged.entries()) {
      const { inflate, reserved } = inflater();
      await assert.rejects(inflate(coding, bytes), DamagedError, `${i}`);
      assert.ok(reserved() <= 200_000, `${i}: ${reserved()}`);
    }
    const huge = inflater();
    await assert.rejects(huge.inflate('snappy', Buffer.from('ffffff7f00', 'hex')), TooLargeError);
    assert.equal(huge.reserved(), 0);
  });

  test('frames without end are not worth an engine each', async () => {
    const frames = Buffer.concat(Array.from({ length: 10_000 }, () => zstdCompressSync(new Uint8Array(0))));
    await assert.rejects(inflater().inflate('zstd', frames), DamagedError);
    await assert.rejects(inflater().inflate('zstd', frames.subarray(0, 4000)), DamagedError);
  });
});
