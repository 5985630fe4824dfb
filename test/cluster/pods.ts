import type { KubeApiServer } from './kube-api-server.ts';

export interface PodSketch {
  readonly name: string;
  readonly namespace: string;
  readonly node: string;
  /** Makes the pod one of a Deployment with this name. */
  readonly deployment: string;
}

const HASH = '67bd7dcb4f';
const ENV = Array.from({ length: 12 }, (_, i) => ({
  name: `SETTING_${i}`,
  value: `https://settings.example.com/value/${i}`,
}));

/** A namespace that pods can be made in without a controller. */
export async function createNamespace(server: KubeApiServer, name: string): Promise<void> {
  await server.must('POST', '/api/v1/namespaces', { metadata: { name, labels: { team: `team-of-${name}` } } });
  await server.must('POST', `/api/v1/namespaces/${name}/serviceaccounts`, { metadata: { name: 'default' } });
}

/** A pod with two containers, of the size that pods have; 9 KiB of JSON with its managed fields. Runs, as far as the API knows. */
export async function createPod(server: KubeApiServer, sketch: PodSketch): Promise<string> {
  const { name, namespace, node, deployment } = sketch;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const container = (which: string) => ({
    name: which,
    image: `registry.example.com/shop/${deployment}-${which}:1.27.3`,
    env: ENV,
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    ports: [{ containerPort: 8080, name: `${which}-http` }],
    readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
  });
  const pod = await server.must<Pod>('POST', path, {
    metadata: {
      name,
      labels: {
        app: deployment,
        'app.kubernetes.io/name': deployment,
        'app.kubernetes.io/instance': `${deployment}-${namespace}`,
        'app.kubernetes.io/version': '1.27.3',
        'pod-template-hash': HASH,
      },
      annotations: { 'example.com/checksum': 'ab'.repeat(32), 'example.com/scrape': 'true', owner: 'shop' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${deployment}-${HASH}`,
          uid: `00000000-0000-4000-8000-${Buffer.from(deployment).toString('hex').padStart(12, '0').slice(-12)}`,
          controller: true,
        },
      ],
    },
    spec: { nodeName: node, containers: [container('app'), container('proxy')] },
  });
  await setStatus(server, pod, 0);
  return pod.metadata.uid;
}

/** Puts the pod's containers into their n-th run. */
export async function restartContainers(
  server: KubeApiServer,
  namespace: string,
  name: string,
  run: number,
): Promise<void> {
  await setStatus(server, await server.must<Pod>('GET', `/api/v1/namespaces/${namespace}/pods/${name}`), run);
}

export function containerId(uid: string, container: number, run: number): string {
  return `${uid.replaceAll('-', '')}${container}${run}`.padEnd(64, 'e');
}

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
  status?: unknown;
}

async function setStatus(server: KubeApiServer, pod: Pod, run: number): Promise<void> {
  const { uid, name, namespace } = pod.metadata;
  const [a, b] = [uid.slice(0, 2), uid.slice(2, 4)].map((hex) => Number.parseInt(hex, 16));
  const ip = `10.${a}.${b}.${Number.parseInt(uid.slice(4, 6), 16)}`;
  const id = (i: number, of: number) => `containerd://${containerId(uid, i, of)}`;
  const status = {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    hostIP: '192.168.0.7',
    startTime: '2026-01-01T00:00:00Z',
    conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({ type, status: 'True' })),
    containerStatuses: pod.spec.containers.map((container, i) => ({
      name: container.name,
      image: container.image,
      imageID: `registry.example.com/shop/app@sha256:${'cd'.repeat(32)}`,
      containerID: id(i, run),
      ready: true,
      started: true,
      restartCount: run,
      state: { running: { startedAt: '2026-01-01T00:00:01Z' } },
      lastState: run === 0 ? {} : { terminated: { exitCode: 1, containerID: id(i, run - 1) } },
    })),
  };
  await server.must('PUT', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { ...pod, status });
}

/** Does so many things, some at a time. */
export async function times(count: number, each: (i: number) => Promise<unknown>, atOnce = 16): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await each(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
