import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { messagesObstacle } from './fexit.ts';
import { isEmulated, many, skip } from './machine.ts';
import { KEPT, named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own, type Truth, Workloads } from './workload.ts';

const KEYS = {
  collect_syscalls: false,
  collect_network: true,
  network_messages: messagesObstacle === false,
  histogram_labels: ['process'],
  exclude_processes: [],
};

/** Bytes of each connection: what the client sends and what the server answers. */
const BOTH_WAYS = 128 + 1024;

const LADDERS: readonly Readonly<Record<string, string>>[] = [
  ...KEPT,
  { iterators: 'off' },
  ...(isEmulated ? [] : [{ task_storage: 'off' }, { batch: 'off' }]),
];

for (const features of LADDERS) {
  const switched = Object.entries(features).map((feature) => feature.join(' '));
  // Without iterators sockets that are older than the agent are missing, and the names say so.
  const isLost = features['iterators'] === 'off';
  describe(['the network', ...switched].join(', with '), { skip }, () => {
    let receiver: ObservedReceiver;
    let workloads: Workloads;
    before(() => {
      workloads = new Workloads('sockets');
      receiver = new ObservedReceiver({ ...KEYS, features });
    });
    after(async () => {
      workloads[Symbol.dispose]();
      await receiver[Symbol.asyncDispose]();
    });

    test('every program is attached', () => {
      const { state, details = [] } = receiver.scope.reported.at(-1)!;
      assert.equal(state, 'ok', details.join('\n'));
    });

    for (const [name, family, namespace] of [
      ['v4', '4', 'here'],
      ['v6', '6', 'here'],
      ['mapped', 'mapped', 'here'],
      ['netns', '4', 'other'],
    ] as const) {
      test(`TCP: connections and payload to the byte (${name})`, async () => {
        const process = own(`tcp-${name}`);
        const connections = many(3000);
        const { again, resets } = await workloads.run(process, 'tcp', connections, family, namespace);
        // None on a machine that has time; on a slow one TCP tells of some, and the namespace may have others' too.
        const atMost = (truth: number, counted: number) => (counted <= truth ? 'not more' : `${counted} of ${truth}`);
        const view = (samples: Samples) => ({
          bytes: samples.by('direction', named('ebpf_network_bytes_total', isLost), { process, transport: 'tcp' }),
          opened: samples.total(named('ebpf_tcp_connections_opened_total'), { process }),
          accepted: samples.total(named('ebpf_tcp_connections_accepted_total'), { process }),
          failed: samples.total(named('ebpf_tcp_connections_failed_total'), { process }),
          reset: atMost(resets!, samples.total(named('ebpf_tcp_connections_reset_total', isLost), { process })),
          retransmits: atMost(again!, samples.total(named('ebpf_tcp_retransmits', isLost), { process })),
          connects: samples.total(`${named('ebpf_tcp_connect_latency_ns')}_count`, { process }),
          ended: samples.total(`${named('ebpf_tcp_connection_rtt_ns', isLost)}_count`, { process }),
        });
        const samples = await reads(receiver, view, {
          bytes: { transmit: connections * BOTH_WAYS, receive: connections * BOTH_WAYS },
          opened: connections,
          accepted: connections,
          failed: 0,
          reset: 'not more',
          retransmits: 'not more',
          connects: connections,
          ended: 2 * connections,
        });
        const packets = samples.by('direction', named('ebpf_network_packets_total', isLost), {
          process,
          transport: 'tcp',
        });
        assert.ok(
          packets['transmit']! >= 6 * connections && packets['receive']! >= 6 * connections,
          JSON.stringify(packets),
        );
      });
    }

    test('connections that are refused, by error', async () => {
      const process = own('refused');
      await workloads.run(process, 'refused', 500, '4', 'here');
      const view = (samples: Samples) => ({
        failed: samples.by('errno', named('ebpf_tcp_connections_failed_total'), { process }),
        opened: samples.total(named('ebpf_tcp_connections_opened_total'), { process }),
      });
      await reads(receiver, view, { failed: { ECONNREFUSED: 500 }, opened: 0 });
    });

    test('connections that the peer resets', async () => {
      const process = own('reset');
      await workloads.run(process, 'reset', 500, '4', 'here');
      await reads(
        receiver,
        (samples) => samples.total(named('ebpf_tcp_connections_reset_total', isLost), { process }),
        500,
      );
    });

    for (const [mode, family] of [
      ['udp', '4'],
      ['udp', '6'],
      ['unix', '4'],
    ] as const) {
      test(`${mode} over family ${family}: datagrams and bytes, each once though peeked at`, {
        skip: messagesObstacle,
      }, async () => {
        const process = own(`${mode}-${family}`);
        const datagrams = many(2000);
        const truth = await workloads.run(process, mode, datagrams, family, 'here');
        // What it tells goes to this process over a UNIX socket too.
        const told = mode === 'unix' ? JSON.stringify(truth).length + 1 : 0;
        const view = (samples: Samples) => ({
          bytes: samples.by('direction', named('ebpf_network_bytes_total', isLost), { process, transport: mode }),
          packets: samples.by('direction', named('ebpf_network_packets_total', isLost), { process, transport: mode }),
        });
        await reads(receiver, view, {
          bytes: { transmit: 100 * datagrams + told, receive: 100 * datagrams },
          packets: { transmit: datagrams + Math.sign(told), receive: datagrams },
        });
      });
    }
  });
}

for (const features of KEPT) {
  describe(`connections that are open, with ${JSON.stringify(features)}`, { skip }, () => open(features));
}

function open(features: Readonly<Record<string, string>>): void {
  const keys = { ...KEYS, features };

  test('stand in the gauge by state, older than the agent or not, and leave it', async () => {
    using workloads = new Workloads('sockets');
    const older = await hold(workloads, own('older'), 'other');
    await using receiver = new ObservedReceiver(keys);
    const newer = await hold(workloads, own('newer'), 'here');
    const gauge = (process: string) => (samples: Samples) => samples.by('state', 'ebpf_tcp_connections', { process });
    await reads(receiver, gauge(older.name), { established: 100, listen: 1 });
    const samples = await reads(receiver, gauge(newer.name), { established: 100, listen: 1 });
    assert.equal(samples.total('ebpf_tcp_rtt_us', { process: newer.name }), Math.round(newer.roundTripUs / 100));
    assert.equal(samples.total('ebpf_tcp_rtt_us', { process: older.name }), Math.round(older.roundTripUs / 100));
    await older.end();
    await newer.end();
    await reads(receiver, (samples) => gauge(newer.name)(samples)['established'], 0);
    await reads(receiver, (samples) => gauge(older.name)(samples)['established'], 0);
  });

  test('collections while connections of one process with itself come and go lose none and count none twice', async () => {
    using workloads = new Workloads('sockets');
    await using receiver = new ObservedReceiver(keys);
    const process = own('churn');
    const connections = many(5000);
    let ended = false;
    const run = workloads.run(process, 'tcp', connections, '4', 'here').finally(() => {
      ended = true;
    });
    while (!ended) {
      await receiver.collect();
      await new Promise(setImmediate);
    }
    await run;
    const view = (samples: Samples) => ({
      bytes: samples.by('direction', named('ebpf_network_bytes_total'), { process, transport: 'tcp' }),
      opened: samples.total(named('ebpf_tcp_connections_opened_total'), { process }),
      accepted: samples.total(named('ebpf_tcp_connections_accepted_total'), { process }),
    });
    await reads(receiver, view, {
      bytes: { transmit: connections * BOTH_WAYS, receive: connections * BOTH_WAYS },
      opened: connections,
      accepted: connections,
    });
  });
}

/** A process with 50 connections of both sides, until told to end. */
async function hold(workloads: Workloads, name: string, namespace: string) {
  const child = spawn(workloads.program(name), ['hold', '50', '4', namespace], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [told] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    name,
    /** Sum over both sides, as the sockets' owner is told. */
    roundTripUs: (JSON.parse(told.toString()) as Truth)['rtt_us']!,
    end: async () => {
      const ended = once(child, 'close');
      child.stdin.end();
      await ended;
    },
  };
}
