import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CgroupIdentity, identifyCgroup } from './cgroup-identity.ts';

const ID = 'f1fd41ed'.repeat(8);
const NODE = '0123abcd'.repeat(8);
const UID = '1ee4d255-a1bd-4ca0-a48a-1b50d50ece24';
const UID_ = UID.replaceAll('-', '_');
const HASH = '28991d75d781f04001101912c8b9d01e';
const TASK = 'ab'.repeat(16);

const containerd: CgroupIdentity = { containerId: ID, podUid: UID, runtime: 'containerd' };
const crio: CgroupIdentity = { containerId: ID, podUid: UID, runtime: 'cri-o' };
const unnamed: CgroupIdentity = { containerId: ID, podUid: UID };
const docker: CgroupIdentity = { containerId: ID, runtime: 'docker' };
const podman: CgroupIdentity = { containerId: ID, runtime: 'podman' };

const paths: Readonly<Record<string, readonly (readonly [what: string, path: string, identity: CgroupIdentity])[]>> = {
  'a container of a pod': [
    [
      'kubelet and containerd, systemd, burstable',
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID_}.slice/cri-containerd-${ID}.scope`,
      containerd,
    ],
    [
      'kubelet and containerd, systemd, guaranteed',
      `/kubepods.slice/kubepods-pod${UID_}.slice/cri-containerd-${ID}.scope`,
      containerd,
    ],
    ['kubelet and containerd, cgroupfs, burstable', `/kubepods/burstable/pod${UID}/${ID}`, unnamed],
    ['kubelet and containerd, cgroupfs, besteffort', `/kubepods/besteffort/pod${UID}/${ID}`, unnamed],
    ['kubelet and containerd, cgroupfs, guaranteed', `/kubepods/pod${UID}/${ID}`, unnamed],
    [
      'kubelet with cgroupfs, containerd with systemd',
      `/system.slice/containerd.service/kubepods-burstable-pod${UID_}.slice:cri-containerd:${ID}`,
      containerd,
    ],
    ['kubelet and CRI-O, systemd', `/kubepods.slice/kubepods-pod${UID_}.slice/crio-${ID}.scope`, crio],
    [
      'kubelet and CRI-O, systemd, one level deeper',
      `/kubepods.slice/kubepods-pod${UID_}.slice/crio-${ID}.scope/container`,
      crio,
    ],
    ['kubelet and CRI-O, cgroupfs', `/kubepods/burstable/pod${UID}/crio-${ID}`, crio],
    [
      'kubelet and cri-dockerd, systemd',
      `/kubepods.slice/kubepods-pod${UID_}.slice/docker-${ID}.scope`,
      { ...unnamed, runtime: 'docker' },
    ],
    ['kubelet and cri-dockerd, cgroupfs', `/kubepods/burstable/pod${UID}/${ID}`, unnamed],
    [
      'a static pod, by the hash of its configuration',
      `/kubepods/besteffort/pod${HASH}/${ID}`,
      { containerId: ID, podUid: HASH },
    ],
    [
      'a static pod, systemd',
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${HASH}.slice/cri-containerd-${ID}.scope`,
      { ...containerd, podUid: HASH },
    ],
    [
      'k3s under systemd',
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${UID_}.slice/cri-containerd-${ID}.scope`,
      containerd,
    ],
    [
      'kind: not the container that is the node',
      `/docker/${NODE}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${UID_}.slice/cri-containerd-${ID}.scope`,
      containerd,
    ],
    [
      'minikube in Docker: not the container that is the node',
      `/system.slice/docker-${NODE}.scope/kubepods/burstable/pod${UID}/${ID}`,
      unnamed,
    ],
    ['systemd inside a container', `/kubepods/burstable/pod${UID}/${ID}/system.slice/ssh.service`, unnamed],
    ['Docker inside a container: the container of the pod', `/kubepods/pod${UID}/${ID}/docker/${NODE}`, unnamed],
    ['another cgroup namespace, cgroupfs', `/../../pod${UID}/${ID}`, unnamed],
  ],
  'the pod alone': [
    ['cgroupfs', `/kubepods/burstable/pod${UID}`, { podUid: UID }],
    ['systemd', `/kubepods.slice/kubepods-pod${UID_}.slice`, { podUid: UID }],
    [
      'what only serves a container',
      `/kubepods.slice/kubepods-pod${UID_}.slice/crio-conmon-${ID}.scope`,
      { podUid: UID },
    ],
    ['of kind', `/docker/${NODE}/kubelet.slice/kubelet-kubepods-pod${UID_}.slice`, { podUid: UID }],
  ],
  'a container outside pods': [
    ['Docker, systemd', `/system.slice/docker-${ID}.scope`, docker],
    ['Docker, cgroupfs', `/docker/${ID}`, docker],
    ['systemd inside a Docker container', `/docker/${ID}/system.slice/ssh.service`, docker],
    ['containerd without a pod', `/k8s.io/${ID}`, { containerId: ID, runtime: 'containerd' }],
    ['containerd by ctr', '/default/web', { containerId: 'web', runtime: 'containerd' }],
    ['nerdctl', `/system.slice/nerdctl-${ID}.scope`, { containerId: ID, runtime: 'containerd' }],
    ['Podman, root', `/machine.slice/libpod-${ID}.scope/container`, podman],
    [
      'Podman, rootless',
      `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`,
      podman,
    ],
    ['Podman, cgroupfs', `/libpod_parent/libpod-${ID}`, podman],
    ['ECS on EC2', `/ecs/${TASK}/${ID}`, { containerId: ID }],
    ['ECS on EC2, older', `/ecs/cluster/${TASK}/${ID}`, { containerId: ID }],
    ['ECS on EC2, systemd', `/ecstasks.slice/ecstasks-${TASK}.slice/docker-${ID}.scope`, docker],
    [
      'ECS on Fargate, whose id has another form',
      `/ecs/${TASK}/${TASK}-2531612879`,
      { containerId: `${TASK}-2531612879` },
    ],
    ['another cgroup namespace', `/../cri-containerd-${ID}.scope`, { containerId: ID, runtime: 'containerd' }],
    ['LXC', '/lxc.payload.web-1/init.scope', { containerName: 'web-1', runtime: 'lxc' }],
    [
      'systemd-nspawn',
      '/machine.slice/machine-web\\x2d1.scope/payload',
      { containerName: 'web-1', runtime: 'systemd-nspawn' },
    ],
    ['Nomad', `/nomad.slice/share.slice/${UID}.web.scope`, { containerName: 'web', runtime: 'nomad' }],
  ],
  'a unit of systemd': [
    ['a service', '/system.slice/nginx.service', { unit: 'nginx.service' }],
    ['k3s itself', '/system.slice/k3s.service', { unit: 'k3s.service' }],
    ['an instance', '/system.slice/system-getty.slice/getty@tty1.service', { unit: 'getty@tty1.service' }],
    ['a session', '/user.slice/user-1000.slice/session-3.scope', { unit: 'session-3.scope' }],
    ['init', '/init.scope', { unit: 'init.scope' }],
    ['cgroups that a service made', '/system.slice/nginx.service/workers/7', { unit: 'nginx.service' }],
    ['an escaped name', '/system.slice/dev\\x2ddisk.mount', { unit: 'dev-disk.mount' }],
    [
      'a unit of a user',
      '/user.slice/user-1000.slice/user@1000.service/app.slice/app-term.scope',
      { unit: 'user@1000.service', userUnit: 'app-term.scope' },
    ],
    [
      'what serves a container of Podman',
      `/machine.slice/libpod-conmon-${ID}.scope`,
      { unit: `libpod-conmon-${ID}.scope` },
    ],
  ],
  nobody: [
    ['the root', '/', {}],
    ['a slice', '/system.slice', {}],
    ['an id that is too short', `/docker/${ID.slice(1)}`, {}],
    ['an id in capitals', `/docker/${ID.toUpperCase()}`, {}],
    ['a word that begins like a pod', '/kubepods/burstable/podium', {}],
    ['nothing', '', {}],
  ],
};

for (const [who, rows] of Object.entries(paths)) {
  describe(`a path tells ${who}`, () => {
    for (const [what, path, identity] of rows) test(what, () => assert.deepEqual(identifyCgroup(path), identity));
  });
}
