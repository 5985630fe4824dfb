import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerIdOf } from './container-id.ts';

const ID = 'f1fd41ed'.repeat(8);
const NODE = '0123abcd'.repeat(8);
const UID = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
const UID_ = UID.replaceAll('-', '_');

const containers: readonly (readonly [what: string, path: string])[] = [
  [
    'kubelet and containerd, systemd',
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID_}.slice/cri-containerd-${ID}.scope`,
  ],
  [
    'kubelet and containerd, systemd, guaranteed',
    `/kubepods.slice/kubepods-pod${UID_}.slice/cri-containerd-${ID}.scope`,
  ],
  ['kubelet and containerd, cgroupfs', `/kubepods/besteffort/pod${UID}/${ID}`],
  [
    'kubelet with cgroupfs, containerd with systemd',
    `/system.slice/containerd.service/kubepods-burstable-pod${UID_}.slice:cri-containerd:${ID}`,
  ],
  [
    'kubelet and CRI-O, systemd, one level deeper',
    `/kubepods.slice/kubepods-pod${UID_}.slice/crio-${ID}.scope/container`,
  ],
  ['kubelet and CRI-O, cgroupfs', `/kubepods/burstable/pod${UID}/crio-${ID}`],
  ['kubelet and Docker', `/kubepods.slice/kubepods-pod${UID_}.slice/docker-${ID}.scope`],
  ['Docker, systemd', `/system.slice/docker-${ID}.scope`],
  ['Docker, cgroupfs', `/docker/${ID}`],
  ['systemd inside a Docker container', `/docker/${ID}/system.slice/ssh.service`],
  ['containerd without a pod', `/k8s.io/${ID}`],
  ['nerdctl', `/system.slice/nerdctl-${ID}.scope`],
  ['Podman, root', `/machine.slice/libpod-${ID}.scope/container`],
  ['Podman, rootless', `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`],
  ['Podman, cgroupfs', `/libpod_parent/libpod-${ID}`],
  [
    'kind: the pod, not the node',
    `/docker/${NODE}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${UID_}.slice/cri-containerd-${ID}.scope`,
  ],
  [
    'minikube in Docker: the pod, not the node',
    `/system.slice/docker-${NODE}.scope/kubepods/burstable/pod${UID}/${ID}`,
  ],
  ['ECS on EC2', `/ecs/${'ab'.repeat(16)}/${ID}`],
  ['another cgroup namespace', `/../../pod${UID}/${ID}`],
];

for (const [what, path] of containers)
  test(`finds the container of ${what}`, () => assert.equal(containerIdOf(path), ID));

test('finds the container of ECS on Fargate, whose id has another form', () => {
  const task = 'ab'.repeat(16);
  assert.equal(containerIdOf(`/ecs/${task}/${task}-2531612879`), `${task}-2531612879`);
});

const others: readonly string[] = [
  '/',
  '/init.scope',
  '/system.slice/nginx.service',
  '/user.slice/user-1000.slice/session-3.scope',
  `/kubepods/burstable/pod${UID}`,
  `/kubepods.slice/kubepods-pod${UID_}.slice`,
  `/kubepods.slice/kubepods-pod${UID_}.slice/crio-conmon-${ID}.scope`,
  `/machine.slice/libpod-conmon-${ID}.scope`,
  `/docker/${ID.slice(1)}`,
  `/docker/${ID.toUpperCase()}`,
];

for (const path of others) test(`sees no container in ${path}`, () => assert.equal(containerIdOf(path), undefined));
