import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { AgentProcess, admin, root } from '../e2e/agent-process.ts';
import { own, Workloads } from '../kernel/workload.ts';
import { Cluster, NODE, type Pod, reasonToSkip } from './cluster.ts';

const skip = reasonToSkip();
const IMAGE = 'local.test/load:1';
const NAMESPACE = 'shop';
/** What each container counts, exactly. */
const CALLS = 4000;

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

for (const pods of ['extension', 'own client'] as const) {
  describe(`counts of real containers, pods from the ${pods}`, { skip }, () => {
    const cluster = new Cluster();
    const workloads = new Workloads();
    const load = own('load');
    const outside = own('outside');
    let agent: AgentProcess;

    before(async () => {
      cluster.start();
      cluster.image(IMAGE, workloads.program(load));
      await cluster.api('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
      agent = await AgentProcess.run(configuration(cluster, pods), root);
    });
    after(async () => {
      await agent?.[Symbol.asyncDispose]();
      cluster[Symbol.dispose]();
      workloads[Symbol.dispose]();
    });

    /** A pod whose container counts, then goes on for some time. */
    const template = (app: string, then: string, restartPolicy = 'Always') => ({
      metadata: { labels: { app } },
      spec: {
        restartPolicy,
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        containers: [
          {
            name: 'main',
            image: IMAGE,
            imagePullPolicy: 'Never',
            command: ['/bin/sh', '-c', `/bin/${load} getppid ${CALLS} 1; ${then}`],
          },
        ],
      },
    });

    test('carry pod, namespace, container and workload, also of pods that live for 300 ms; others carry none', async () => {
      const apps = `/apis/apps/v1/namespaces/${NAMESPACE}`;
      const selector = (app: string) => ({ matchLabels: { app } });
      const staying = (app: string) => ({ selector: selector(app), template: template(app, 'sleep 3600') });
      await cluster.api('POST', `${apps}/daemonsets`, { metadata: { name: 'ds' }, spec: staying('ds') });
      await cluster.api('POST', `${apps}/deployments`, {
        metadata: { name: 'dep' },
        spec: { replicas: 2, ...staying('dep') },
      });
      const cron = await cluster.api('POST', `/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs`, {
        metadata: { name: 'cj' },
        spec: {
          schedule: '0 0 1 1 *',
          jobTemplate: { spec: { template: template('cj', 'sleep 0.2', 'Never') } },
        },
      });
      // As the controller makes them, but now.
      const { uid } = cron['metadata'] as { uid: string };
      const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'cj', uid, controller: true };
      for (let i = 0; i < 3; i++) {
        await cluster.api('POST', `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`, {
          metadata: { name: `cj-${29920475 + i}`, ownerReferences: [owner] },
          spec: { parallelism: 4, completions: 4, template: template('cj', 'sleep 0.2', 'Never') },
        });
      }
      await workloads.run(outside, 'getppid', CALLS, 1);
      const pods = await cluster.podsThat(NAMESPACE, (all) => {
        const done = all.filter(({ status }) => status.phase === 'Running' || status.phase === 'Succeeded');
        return all.length === 1 + 2 + 12 && done.length === all.length;
      });

      const expected = pods.length * CALLS;
      const samples = await settled(agent, load, expected);
      const workload = { ds: 'k8s_daemonset_name="ds"', dep: 'k8s_deployment_name="dep"', cj: 'k8s_cronjob_name="cj"' };
      let named = 0;
      for (const pod of pods) {
        const app = pod.metadata.labels!['app'] as keyof typeof workload;
        const [key, value] = workload[app].split('=') as [string, string];
        const carrying = samples.filter(
          ({ labels }) =>
            labels['k8s_pod_name'] === pod.metadata.name &&
            labels['k8s_namespace_name'] === NAMESPACE &&
            labels['k8s_container_name'] === 'main' &&
            labels['k8s_pod_uid'] === pod.metadata.uid &&
            labels['k8s_node_name'] === NODE &&
            labels[key] === JSON.parse(value),
        );
        named += total(carrying);
      }
      assert.equal(total(samples), expected, 'every call is counted once');
      const nameless = samples.filter(({ labels }) => labels['k8s_container_name'] !== 'main');
      assert.ok(named >= expected * 0.999, `${named} of ${expected} carry all names; ${JSON.stringify(nameless)}`);
      const others = await settled(agent, outside, CALLS);
      for (const { labels } of others) {
        assert.deepEqual(
          Object.keys(labels).filter((label) => label.startsWith('k8s_') || label === 'container_id'),
          [],
        );
      }
    });

    test('are named with the paths of the systemd driver, too', async () => {
      const id = randomBytes(32).toString('hex');
      const program = own('systemd');
      cluster.image('local.test/systemd:1', workloads.program(program));
      const created = await cluster.api('POST', `/api/v1/namespaces/${NAMESPACE}/pods`, {
        metadata: { name: 'by-systemd' },
        spec: {
          nodeName: 'node-fake',
          containers: [{ name: 'main', image: 'local.test/systemd:1' }],
          terminationGracePeriodSeconds: 0,
        },
      });
      const { uid, name } = created['metadata'] as { uid: string; name: string };
      const slice = `kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
      const path = `/kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${id}.scope`;
      // It is done before the API says anything of it.
      cluster.ctr(
        'run',
        '--rm',
        '--cgroup',
        path,
        'local.test/systemd:1',
        id,
        `/bin/${program}`,
        'getppid',
        String(CALLS),
        '1',
      );
      await cluster.api('PUT', `/api/v1/namespaces/${NAMESPACE}/pods/${name}/status`, {
        ...created,
        status: {
          phase: 'Running',
          containerStatuses: [
            {
              name: 'main',
              image: 'local.test/systemd:1',
              imageID: '',
              ready: true,
              restartCount: 0,
              containerID: `containerd://${id}`,
              state: { running: { startedAt: new Date().toISOString().replace(/\.\d+/, '') } },
            },
          ],
        },
      });
      const samples = await settled(agent, program, CALLS);
      assert.deepEqual(
        samples.map(({ labels, value }) => [
          labels['k8s_pod_name'],
          labels['k8s_container_name'],
          labels['container_id'],
          value,
        ]),
        [[name, 'main', id, CALLS]],
      );
    });

    test('of init containers and of every run of a container have its name', async () => {
      const program = own('again');
      cluster.image('local.test/again:1', workloads.program(program));
      const container = (name: string, then: string) => ({
        name,
        image: 'local.test/again:1',
        imagePullPolicy: 'Never',
        command: ['/bin/sh', '-c', `/bin/${program} getppid ${CALLS} 1; ${then}`],
        volumeMounts: [{ name: 'state', mountPath: '/state' }],
      });
      await cluster.api('POST', `/api/v1/namespaces/${NAMESPACE}/pods`, {
        metadata: { name: 'again' },
        spec: {
          nodeName: NODE,
          terminationGracePeriodSeconds: 0,
          automountServiceAccountToken: false,
          volumes: [{ name: 'state', emptyDir: {} }],
          initContainers: [container('first', 'true')],
          containers: [container('main', '[ -d /state/ran ] && sleep 3600; mkdir /state/ran; exit 1')],
        },
      });
      const samples = await settled(agent, program, 3 * CALLS);
      const runs = samples.map(({ labels, value }) => [labels['k8s_pod_name'], labels['k8s_container_name'], value]);
      assert.deepEqual(runs.sort(), [
        ['again', 'first', CALLS],
        ['again', 'main', CALLS],
        ['again', 'main', CALLS],
      ]);
      assert.equal(new Set(samples.map(({ labels }) => labels['container_id'])).size, 3);
    });

    test('of a static pod have the uid of its mirror', async () => {
      const program = own('static');
      cluster.image('local.test/static:1', workloads.program(program));
      const manifest = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'static', namespace: NAMESPACE },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'main',
              image: 'local.test/static:1',
              imagePullPolicy: 'Never',
              command: ['/bin/sh', '-c', `/bin/${program} getppid ${CALLS} 1; sleep 3600`],
            },
          ],
        },
      };
      writeFileSync(join(cluster.folder, 'pods', 'static.yaml'), JSON.stringify(manifest));
      const isMirror = ({ metadata }: { readonly metadata: { readonly name: string } }) =>
        metadata.name === `static-${NODE}`;
      const pods = await cluster.podsThat(NAMESPACE, (all) =>
        all.some((pod) => isMirror(pod) && pod.status.phase === 'Running'),
      );
      const samples = await settled(agent, program, CALLS);
      assert.deepEqual(
        samples.map(({ labels, value }) => [labels['k8s_pod_uid'], labels['k8s_container_name'], value]),
        [[pods.find(isMirror)!.metadata.uid, 'main', CALLS]],
      );
    });

    test('are those of one namespace alone, where namespace_filter says so', {
      skip: pods === 'own client' && 'the receiver asks the extension',
    }, async () => {
      const program = own('filter');
      cluster.image('local.test/filter:1', workloads.program(program));
      const config = configuration(cluster, pods, { namespace_filter: [NAMESPACE] });
      await using filtering = await AgentProcess.run(config, root);
      await cluster.api('POST', '/api/v1/namespaces', { metadata: { name: 'other' } });
      for (const namespace of ['other', NAMESPACE]) {
        const path = `/api/v1/namespaces/${namespace}`;
        await cluster.exists(`${path}/serviceaccounts/default`);
        await cluster.api('POST', `${path}/pods`, {
          metadata: { name: 'filter' },
          spec: {
            nodeName: NODE,
            restartPolicy: 'Never',
            terminationGracePeriodSeconds: 0,
            automountServiceAccountToken: false,
            containers: [
              {
                name: 'main',
                image: 'local.test/filter:1',
                imagePullPolicy: 'Never',
                command: [`/bin/${program}`, 'getppid', String(CALLS), '1'],
              },
            ],
          },
        });
        const isDone = ({ metadata, status }: Pod) => metadata.name === 'filter' && status.phase === 'Succeeded';
        await cluster.podsThat(namespace, (all) => all.some(isDone));
      }
      await workloads.run(program, 'getppid', CALLS, 1);
      const all = await settled(agent, program, 3 * CALLS);
      assert.equal(total(all), 3 * CALLS);
      const kept = await settled(filtering, program, CALLS);
      assert.deepEqual(
        kept.map(({ labels, value }) => [labels['k8s_namespace_name'], value]),
        [[NAMESPACE, CALLS]],
      );
    });

    test('lost nothing on the way, and what passed without names says why', async () => {
      const page = await agent.page();
      assert.match(
        page,
        /^bpflow_ledger_imbalance_items\{component="k8s_(?:enrich|attributes)",kind="processor",pipeline="metrics"\} 0$/m,
      );
      assert.doesNotMatch(
        page,
        /^bpflow_k8s_enrich_unenriched\{[^}]*reason="(?:hold_full|not_synced|excluded)"[^}]*\} [1-9]/m,
      );
    });
  });
}

/** Pods come from the extension, or from the processor's own client as in a Collector's file. */
function configuration({ agentConfig, folder }: Cluster, pods: 'extension' | 'own client', ebpf: object = {}): string {
  const access = { auth_type: 'kubeConfig', kube_config_path: agentConfig };
  const shared = pods === 'extension';
  return JSON.stringify({
    receivers: { ebpf: { labels: ['process'], scrape_interval: '500ms', exclude_processes: [], ...ebpf } },
    processors: {
      [shared ? 'k8s_enrich' : 'k8s_attributes']: {
        ...(!shared && access),
        extract: {
          metadata: [
            'k8s.namespace.name',
            'k8s.pod.name',
            'k8s.pod.uid',
            'k8s.node.name',
            'k8s.container.name',
            'k8s.deployment.name',
            'k8s.daemonset.name',
            'k8s.cronjob.name',
          ],
        },
      },
    },
    exporters: {
      prometheus: { endpoint: '127.0.0.1:0', resource_to_telemetry_conversion: { enabled: true } },
    },
    ...(shared && { extensions: { kubernetes: access } }),
    service: {
      ...(shared && { extensions: ['kubernetes'] }),
      admin: { endpoint: join(folder, `${randomUUID()}.sock`) },
      telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: '127.0.0.1', port: 0 } } } }] } },
      pipelines: {
        metrics: {
          receivers: ['ebpf'],
          processors: [shared ? 'k8s_enrich' : 'k8s_attributes'],
          exporters: ['prometheus'],
        },
      },
    },
  });
}

/** Calls of a program by series, once all that are expected are on the page: at most 30 s. */
async function settled(agent: AgentProcess, process: string, expected: number): Promise<readonly Sample[]> {
  const { components } = (await admin(agent.adminPath, '/v1/health')) as {
    components: readonly { readonly id: string; readonly summary: string }[];
  };
  const [url] = /http:\S+\/metrics/.exec(components.find(({ id }) => id === 'prometheus')!.summary)!;
  for (let tries = 0; ; tries++) {
    const text = await (await fetch(url)).text();
    const samples = [...text.matchAll(/^ebpf_syscall_count\{(.*)\} (\S+)$/gm)]
      .map(([, labels = '', value]) => ({ labels: labelsOf(labels), value: Number(value) }))
      .filter(({ labels }) => labels['process'] === process && labels['syscall'] === 'getppid');
    if (total(samples) >= expected || tries === 60) return samples;
    await wait(500);
  }
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name!, value!]),
  );
}

function total(samples: readonly Sample[]): number {
  return samples.reduce((sum, { value }) => sum + value, 0);
}
