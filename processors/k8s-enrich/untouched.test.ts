import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodedParts, encodeOtlp, isEncoded, OtlpDecoder } from 'bpflow/sdk';
import { Enrichment, logsOf } from './test/enrichment.ts';

describe('a request in which nothing gets a name', () => {
  for (const cluster of ['off a cluster', 'in a cluster'] as const) {
    test(`goes on in the bytes that it came in, ${cluster}`, () => {
      const world = cluster === 'off a cluster' ? new Enrichment({}, 'none') : new Enrichment();
      const resource = { 'service.name': 'checkout' };
      const bytes = encodeOtlp(world.foreignBatch('cumulative', [{ resource, value: 1 }]));
      const metrics = new OtlpDecoder().decode('metrics', bytes);
      void world.give(metrics);
      const logs = logsOf(resource);
      void world.give(logs);
      assert.equal(world.sent[0], metrics);
      assert.equal(world.sent[1], logs);
      assert.ok(isEncoded(metrics));
      assert.deepEqual(Buffer.concat(encodedParts(metrics)), Buffer.from(bytes));
    });
  }
});
