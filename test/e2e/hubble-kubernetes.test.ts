import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flowMessage, frontend, type Message } from '../../receivers/hubble/test/messages.ts';
import { FakeApiServer } from '../../sdk/kubernetes/test/fake-api-server.ts';
import { pod } from '../../sdk/kubernetes/test/world.ts';
import { AgentProcess, admin, temporaryFolder, until } from './agent-process.ts';
import { HubbleService } from './hubble-service.ts';

/** A pod of another node, whose workload Hubble does not tell, and whose name says something else. */
const database: Message = { identity: 11_009, namespace: 'shop', labels: ['k8s:app=db'], pod_name: 'db-0' };

function flows(): readonly Uint8Array[] {
  return Array.from({ length: 5 }, (_, i) =>
    flowMessage({
      uuid: `00000000-0000-4000-a000-${String(i).padStart(12, '0')}`,
      time: { seconds: Math.floor(Date.now() / 1000) },
      verdict: 1,
      Type: 1,
      event_type: { type: 4 },
      traffic_direction: 2,
      is_reply: { value: false },
      source: frontend,
      destination: database,
      IP: { source: '10.0.0.1', destination: '10.0.0.9', ipVersion: 1 },
      l4: { TCP: { source_port: 40_000 + i, destination_port: 5432, flags: { SYN: true } } },
    }),
  );
}

describe('the receiver hubble with the extension kubernetes', () => {
  for (const [isThere, workload] of [
    [true, 'postgres'],
    [false, 'db'],
  ] as const) {
    it(isThere ? 'names workloads by the API' : 'names them by the names of pods without it', async () => {
      await using api = await FakeApiServer.start();
      const owner = { kind: 'StatefulSet', name: 'postgres', uid: 'sts', controller: true };
      api.set('pods', pod('db-0', { metadata: { labels: { app: 'db' }, ownerReferences: [owner] } }));
      api.set('endpointslices', {
        metadata: { namespace: 'shop', name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
        addressType: 'IPv4',
        endpoints: [
          { addresses: ['10.0.0.9'], conditions: { ready: true } },
          { addresses: ['10.0.0.10'], conditions: { ready: false } },
        ],
      });
      await using hubble = await HubbleService.start([]);
      using folder = temporaryFolder();
      folder.write('token', 'x\n');
      const kubeConfig = folder.write('kube-config', JSON.stringify(clusterAt(api.port)));
      await using agent = await AgentProcess.run(
        config(folder.path, hubble.address, isThere ? kubeConfig : undefined),
        folder.path,
      );
      await until(
        async () => (await health(agent)).every(({ state }) => state === 'ok'),
        () => `Not everything is well:\n${agent.log}`,
      );
      hubble.send(flows());
      await pageSays(agent, [
        new RegExp(`^hubble_flows_total\\{.*destination_workload="${workload}".*\\} 5$`, 'm'),
        new RegExp(`^traces_service_graph_request_total\\{.*server="shop/${workload}".*\\} 5$`, 'm'),
      ]);
      const own = await agent.page();
      assert.equal(/^hubble_endpoint_count\{namespace="shop",service="db"\} 2$/m.test(own), isThere, own);
      assert.equal(/^hubble_endpoint_ready\{namespace="shop",service="db"\} 1$/m.test(own), isThere);
    });
  }
});

interface Health {
  readonly id: string;
  readonly state: string;
  readonly summary: string;
}

async function health(agent: AgentProcess): Promise<readonly Health[]> {
  return ((await admin(agent.adminPath, '/v1/health')) as { readonly components: readonly Health[] }).components;
}

/** Waits until the page of the exporter has these lines. */
async function pageSays(agent: AgentProcess, lines: readonly RegExp[]): Promise<void> {
  const { summary } = (await health(agent)).find(({ id }) => id === 'prometheus')!;
  const [, url = ''] = /(http:\S+metrics)/.exec(summary) ?? [];
  let page = '';
  await until(
    async () => {
      page = await (await fetch(url)).text();
      return lines.every((line) => line.test(page));
    },
    () => `Not all of ${lines.join(', ')} are there:\n${page}\n${agent.log}`,
  );
}

function clusterAt(port: number): object {
  return {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
    clusters: [{ name: 'k', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'u', user: { tokenFile: 'token' } }],
  };
}

function config(folder: string, hubble: string, kubeConfig: string | undefined): string {
  const kubernetes = `kubernetes: { auth_type: kubeConfig, kube_config_path: ${kubeConfig}, endpoints: true }`;
  return `
receivers:
  hubble: { endpoint: "${hubble}", hubble_tls_enabled: false, aggregation_window: 200ms }
exporters:
  prometheus: { endpoint: "127.0.0.1:0" }
extensions: { ${kubeConfig === undefined ? '' : kubernetes} }
service:
  extensions: [${kubeConfig === undefined ? '' : 'kubernetes'}]
  admin: { endpoint: ${folder}/admin.sock }
  telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] } }
  pipelines:
    metrics: { receivers: [hubble], exporters: [prometheus] }
`;
}
