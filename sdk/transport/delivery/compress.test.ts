import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { type Compression, compressor } from 'bpflow/transport';

const READ: Readonly<Record<Compression, (bytes: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  zstd: zstdDecompressSync,
  zlib: inflateSync,
  deflate: inflateSync,
  none: (bytes) => bytes,
};

for (const compression of Object.keys(READ) as Compression[]) {
  test(`${compression}: parts are joined, whatever else is compressed meanwhile`, async () => {
    const compress = compressor(compression);
    const requests = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: (i % 7) + 1 }, (_unused, k) => Buffer.alloc((i * 977 + k * 131) % 300_000, `${i},${k};`)),
    );
    const results = await Promise.all(requests.map(compress));
    for (const [i, parts] of requests.entries()) {
      assert.ok(READ[compression](results[i]!).equals(Buffer.concat(parts)), `request ${i}`);
    }
  });
}
