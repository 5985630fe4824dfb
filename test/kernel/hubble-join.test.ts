import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { cart, flowMessage, frontend, type Message } from '../../receivers/hubble/test/messages.ts';
import { AgentProcess, admin, temporaryFolder, until } from '../e2e/agent-process.ts';
import { HubbleService } from '../e2e/hubble-service.ts';
import { parsePage, type Samples } from './samples.ts';
import { TwoNamespaces } from './two-namespaces.ts';
import { own, Workloads } from './workload.ts';

const REQUEST = 128;
const REPLY = 1024;
const PORT = 7777;
const NETWORK = 9;
const CLIENT = { address: `10.213.${NETWORK}.2`, endpoint: frontend };
const SERVER = { address: `10.213.${NETWORK}.1`, endpoint: cart };
const EGRESS = 2;
const INGRESS = 1;

let nextId = 0;
function flow(port: number, direction: number, isReply: boolean, flags: Message): Uint8Array {
  const ms = Date.now();
  const [from, to] = isReply ? [SERVER, CLIENT] : [CLIENT, SERVER];
  const [source_port, destination_port] = isReply ? [PORT, port] : [port, PORT];
  return flowMessage({
    time: { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 },
    uuid: `00000000-0000-4000-8000-${String(++nextId).padStart(12, '0')}`,
    verdict: 1,
    Type: 1,
    event_type: { type: 4 },
    traffic_direction: direction,
    is_reply: { value: isReply },
    source: from.endpoint,
    destination: to.endpoint,
    IP: { source: from.address, destination: to.address, ipVersion: 1 },
    l4: { TCP: { source_port, destination_port, flags } },
  });
}

/** As Cilium tells of a connection between two pods of one node: both ends, both ways, begin and end. */
function flowsOf(port: number): readonly Uint8Array[] {
  return [EGRESS, INGRESS].flatMap((direction) => [
    flow(port, direction, false, { SYN: true }),
    flow(port, direction, true, { SYN: true, ACK: true }),
    flow(port, direction, false, { PSH: true, ACK: true }),
    flow(port, direction, true, { FIN: true, ACK: true }),
    flow(port, direction, false, { FIN: true, ACK: true }),
  ]);
}

/** Bytes as so many connections carry them, each end told by its own socket. */
function bytesOf(connections: number): Record<string, number> {
  return {
    'frontend>cart client': connections * REQUEST,
    'cart>frontend client': connections * REPLY,
    'frontend>cart server': connections * REQUEST,
    'cart>frontend server': connections * REPLY,
  };
}

function bytesIn(samples: Samples): Record<string, number> {
  const rows = samples.of('hubble_flow_bytes_total', {});
  return Object.fromEntries(
    rows.map(({ labels, value }) => [
      `${labels['source_workload']}>${labels['destination_workload']} ${labels['reporter']}`,
      value,
    ]),
  );
}

function config(folder: string, hubble: string, ebpf: string): string {
  return `
receivers:
  hubble: { endpoint: "${hubble}", hubble_tls_enabled: false, join: ebpf, max_flows_per_second: 0, flow_logs: false }
  ebpf: { collect_syscalls: false, collect_file_io: false, ${ebpf} }
exporters:
  prometheus: { endpoint: "127.0.0.1:0" }
service:
  admin: { endpoint: ${folder}/admin.sock }
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [hubble, ebpf], exporters: [prometheus] }
`;
}

describe('flows of Hubble joined with the sockets of the node', () => {
  const namespaces = new TwoNamespaces(NETWORK);
  const workloads = new Workloads('sockets');
  after(() => {
    workloads[Symbol.dispose]();
    namespaces[Symbol.dispose]();
  });
  const { reason, address, client, server } = namespaces;

  async function talk(name: string, count: number): Promise<readonly number[]> {
    const told = await namespaces.talk(
      [workloads.program(own(`${name}-s`)), 'serve', `${count}`, '4', namespaces.path(server)],
      [workloads.program(own(`${name}-c`)), 'ports', `${count}`, '4', namespaces.path(client), address],
    );
    return JSON.parse(told);
  }

  test('bytes of connections between two namespaces are exact, once for each end, also across a reload', {
    skip: reason,
  }, async () => {
    await using hubble = await HubbleService.start([]);
    using folder = temporaryFolder();
    const file = folder.write('agent.yaml', config(folder.path, hubble.address, 'collect_network: true'));
    await using agent = new AgentProcess(['run', '--config', file], folder.path);
    await agent.says('Everything is ready.');
    const join = async () =>
      (await admin(agent.adminPath, '/v1/views/receiver/hubble/join')) as Readonly<Record<string, unknown>>;
    const ready = () =>
      until(
        async () => ((await admin(agent.adminPath, '/v1/views/receiver/ebpf/sockets')) as { wanted: boolean }).wanted,
        () => `Nobody asks for sockets:\n${agent.log}`,
      );
    const exact = async (connections: number) => {
      let found: Record<string, number> = {};
      const expected = bytesOf(connections);
      await until(
        async () => {
          found = bytesIn(parsePage(await (await fetch(await pageOf(agent))).text()));
          return Object.entries(expected).every(([key, value]) => (found[key] ?? 0) >= value);
        },
        () => `${JSON.stringify(found)}\n${agent.log}`,
      );
      assert.deepEqual(found, expected);
    };

    await ready();
    hubble.send((await talk('flows', 1000)).flatMap(flowsOf));
    await exact(1000);
    const { joined, unmatched, late, full, vanished } = await join();
    assert.deepEqual(
      { joined, unmatched, late, full, vanished },
      { joined: 2000, unmatched: 0, late: 0, full: 0, vanished: 0 },
    );
    // No socket anywhere: nothing is counted.
    hubble.send(flowsOf(1));
    await exact(1000);

    folder.write('agent.yaml', config(folder.path, hubble.address, 'socket_history: 5000'));
    agent.signal('SIGHUP');
    await agent.says(/The configuration was reloaded\.\t.*"changed":\["receiver\/ebpf"\].*"kept":2/);
    await ready();
    hubble.send((await talk('again', 500)).flatMap(flowsOf));
    await exact(1500);

    folder.write('agent.yaml', config(folder.path, hubble.address, 'collect_network: false'));
    agent.signal('SIGHUP');
    await agent.says('hubble_flow_bytes_total is not available: the receiver ebpf has no sockets to join with');
    agent.signal('SIGTERM');
    assert.equal(await agent.ended(), 0, agent.log);
  });
});

async function pageOf(agent: AgentProcess): Promise<string> {
  const { components } = (await admin(agent.adminPath, '/v1/health')) as {
    readonly components: readonly { readonly id: string; readonly summary: string }[];
  };
  const [, url = ''] = /(http:\S+metrics)/.exec(components.find(({ id }) => id === 'prometheus')!.summary) ?? [];
  return url;
}
