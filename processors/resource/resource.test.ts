import assert from 'node:assert/strict';
import { test } from 'node:test';
import { points, type TransformProcessor } from 'bpflow/sdk';
import { fakeScope, sampleBatch } from 'bpflow/testing';
import { resourceConfig } from './config.ts';
import spec from './index.ts';

const processor = spec.create(
  resourceConfig.parse({
    attributes: [
      { key: 'cluster', value: 'c1', action: 'insert' },
      { key: 'host.name', action: 'delete' },
    ],
  }),
  fakeScope('processor', 'resource'),
  {},
) as TransformProcessor;

test('resources of all signals are changed, items are not', () => {
  const wanted = { cluster: 'c1', 'service.name': 'checkout' };
  const metrics = sampleBatch('metrics');
  const changed = processor.transform.metrics!(metrics)!;
  for (const [i, metric] of changed.metrics.entries()) {
    const before = [...points(metrics.metrics[i]!)];
    for (const [row, point] of [...points(metric)].entries()) {
      assert.deepEqual({ ...point.resource.attributes.toObject() }, wanted);
      assert.ok(point.attributes.equals(before[row]!.attributes));
    }
  }
  const logs = processor.transform.logs!(sampleBatch('logs'))!;
  assert.deepEqual(
    logs.resources.map((resource) => ({ ...resource.attributes.toObject() })),
    [wanted],
  );
  const spans = processor.transform.traces!(sampleBatch('traces'))!;
  assert.deepEqual({ ...spans.resources[0]!.attributes.toObject() }, wanted);
});

test('one resource becomes one, however often it is seen', () => {
  const batch = sampleBatch('logs');
  assert.equal(processor.transform.logs!(batch)!.resources[0], processor.transform.logs!(batch)!.resources[0]);
});
