import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { type Compression, inflate, packer } from 'bpflow/transport';

const READ: Readonly<Record<Compression, (bytes: Buffer) => Uint8Array | Promise<Uint8Array>>> = {
  gzip: gunzipSync,
  zstd: zstdDecompressSync,
  zlib: inflateSync,
  deflate: inflateSync,
  snappy: (bytes) => inflate('snappy', bytes, 1e8),
  'x-snappy-framed': (bytes) => inflate('x-snappy-framed', bytes, 1e8),
  none: (bytes) => bytes,
};

for (const compression of Object.keys(READ) as Compression[]) {
  test(`${compression}: parts are joined, whatever else is compressed meanwhile`, async () => {
    const pack = packer({ compression, headroom: 5 });
    const requests = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: (i % 7) + 1 }, (_unused, k) => Buffer.alloc((i * 977 + k * 131) % 300_000, `${i},${k};`)),
    );
    await Promise.all(
      requests.map(async (parts, i) => {
        const { bytes, release } = await pack(parts);
        await turn();
        const got = await READ[compression](bytes.subarray(5));
        assert.equal(Buffer.compare(got, Buffer.concat(parts)), 0, `request ${i}`);
        release();
      }),
    );
  });
}
