import { deepEqual, equal } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { cgroupTree } from 'bpflow/containers';
import { logRecords } from 'bpflow/sdk';
import { Enrichment } from '../../processors/k8s-enrich/test/enrichment.ts';
import { container, FakeCluster, pod } from '../../processors/k8s-enrich/test/fake-cluster.ts';
import { EventReceiver, NO_EVENTS } from './event-receiver.ts';
import { skip } from './machine.ts';

const CONTAINER = process.pid.toString(16).padStart(64, 'feed');
const UID = `0d0e0a0d-0000-4000-8000-${process.pid.toString(16).padStart(12, '0')}`;

const EVENTS = { ...NO_EVENTS, collect_process_events: true, collect_container_events: true };

describe('events of a container in a pod', { skip: skip || cgroupObstacle() }, () => {
  const mount = cgroupTree()!;
  const slice = `kubepods-besteffort-pod${UID.replaceAll('-', '_')}.slice`;
  const path = join(mount.path, `kubepods-${process.pid}.slice`, slice, `cri-containerd-${CONTAINER}.scope`);
  after(() => {
    for (const folder of [dirname(path), dirname(dirname(path))]) rmdirSync(folder);
  });

  const ours = pod({
    uid: UID,
    name: 'web-1',
    labels: { app: 'web' },
    containers: [container(CONTAINER, { name: 'app' })],
  });
  const named = {
    'container.id': CONTAINER,
    'k8s.pod.uid': UID,
    'k8s.pod.name': 'web-1',
    'k8s.namespace.name': 'shop',
    'k8s.container.name': 'app',
    app: 'web',
  };
  const config = {
    extract: {
      metadata: ['k8s.pod.name', 'k8s.pod.uid', 'k8s.namespace.name', 'k8s.container.name', 'container.id'],
      labels: [{ key: 'app', tag_name: 'app' }],
    },
  };

  for (const [when, isLate] of [
    ['when the pod is known', false],
    ['when the pod comes later', true],
  ] as const) {
    test(`carry pod, namespace, container and labels ${when}`, async () => {
      const cluster = new FakeCluster(...(isLate ? [] : [ours]));
      const enrichment = new Enrichment(config, cluster);
      await using receiver = new EventReceiver(EVENTS);
      receiver.onBatch = (batch) => enrichment.give(batch);
      mkdirSync(path, { recursive: true });
      execFileSync('sh', ['-c', `echo $$ > ${path}/cgroup.procs && exec true`]);
      rmdirSync(path);
      await receiver.until(() => receiver.balance()['cgroup_remove']!.received > 0);
      if (isLate) {
        equal(eventsIn(enrichment).length, 0, 'they are held');
        cluster.set(ours);
      }
      const events = () => eventsIn(enrichment);
      await receiver.until(() => events().length >= 5);
      deepEqual(
        events().map(([name]) => name),
        ['container.create', 'process.exec', 'container.start', 'process.exit', 'container.remove'],
      );
      for (const [, resource] of events()) deepEqual({ ...named, ...resource }, resource);
      await enrichment.processor.stop?.();
    });
  }
});

type Event = readonly [name: string, resource: Readonly<Record<string, unknown>>];

/** Events of our container as the processor handed them on. */
function eventsIn(enrichment: Enrichment): Event[] {
  return enrichment.sent
    .flatMap((batch) => (batch.signal === 'logs' ? [...logRecords(batch)] : []))
    .map((record): Event => [record.eventName, record.resource.attributes.toObject()])
    .filter(([, resource]) => resource['container.id'] === CONTAINER);
}

function cgroupObstacle(): string | false {
  const mount = cgroupTree();
  if (mount === undefined) return 'needs a cgroup v2 tree';
  try {
    const probe = join(mount.path, `bpflow-probe-k8s-${process.pid}`);
    mkdirSync(probe);
    rmdirSync(probe);
    return false;
  } catch {
    return 'needs a cgroup v2 tree that may be written';
  }
}
