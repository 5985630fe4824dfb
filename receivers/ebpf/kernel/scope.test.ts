import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podOf } from './scope.ts';

const UID = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
const CONTAINER = 'f1fd41ed'.repeat(8);

/** The way up from a path, with the depth as id; the root is 1. */
function way(path: string) {
  const names = ['', ...path.split('/').filter((name) => name !== '')];
  return names.map((name, i) => ({ id: BigInt(i + 1), name })).reverse();
}

test('the pod is the uppermost cgroup with its uid, by either driver and below a node that is a container itself', () => {
  const slice = `kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`;
  for (const [path, pod] of [
    [`/kubepods/burstable/pod${UID}/${CONTAINER}`, `/kubepods/burstable/pod${UID}`],
    [`/kubepods/pod${UID}/${CONTAINER}/inside/deeper`, `/kubepods/pod${UID}`],
    [`/kubepods.slice/${slice}/cri-containerd-${CONTAINER}.scope`, `/kubepods.slice/${slice}`],
    [`/docker/${CONTAINER}/kubelet/kubepods/pod${UID}/${CONTAINER}`, `/docker/${CONTAINER}/kubelet/kubepods/pod${UID}`],
  ] as const) {
    assert.deepEqual(podOf(way(path)), { id: BigInt(pod.split('/').length), path: pod }, path);
  }
});

test('what is in no pod has none', () => {
  for (const path of ['/', '/system.slice/bpflow.service', `/docker/${CONTAINER}`]) {
    assert.equal(podOf(way(path)), undefined, path);
  }
  assert.equal(podOf([]), undefined);
});
