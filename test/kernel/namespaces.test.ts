import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { many, skip } from './machine.ts';
import { KEPT, named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { TwoNamespaces } from './two-namespaces.ts';
import { own, Workloads } from './workload.ts';

const KEYS = { collect_syscalls: false, collect_file_io: false, collect_network: true, exclude_processes: [] };
const REQUEST = 128;
const REPLY = 1024;
const CHUNK = 65_536;
/** Connections; an emulated processor takes a hundred times as long. */
const MANY = many(50_000);
const isFull = process.env['BPFLOW_SUITE'] === 'full';

/** What is known of a process' TCP. */
function tcp(process: string) {
  return (samples: Samples) => ({
    bytes: samples.by('direction', named('ebpf_network_bytes_total'), { process, transport: 'tcp' }),
    opened: samples.total(named('ebpf_tcp_connections_opened_total'), { process }),
    accepted: samples.total(named('ebpf_tcp_connections_accepted_total'), { process }),
    failed: samples.total(named('ebpf_tcp_connections_failed_total'), { process }),
    reset: samples.total(named('ebpf_tcp_connections_reset_total'), { process }),
  });
}

describe('TCP between two network namespaces', () => {
  const namespaces = new TwoNamespaces();
  const workloads = new Workloads('sockets');
  after(() => {
    workloads[Symbol.dispose]();
    namespaces[Symbol.dispose]();
  });
  const { address, client, server } = namespaces;
  const { reason } = namespaces;
  /** Commands of both sides, each under a name of its own. */
  const sides = (name: string, modes: readonly [server: string, client: string], count: number) => {
    const [serving, calling] = [own(`${name}-s`), own(`${name}-c`)];
    return {
      serving,
      calling,
      commands: [
        [workloads.program(serving), modes[0], `${count}`, '4', namespaces.path(server)],
        [workloads.program(calling), modes[1], `${count}`, '4', namespaces.path(client), address],
      ] as const,
    };
  };

  for (const [i, features] of KEPT.entries()) {
    const count = i === 0 || isFull ? MANY : MANY / 5;
    const text = JSON.stringify(features);
    test(`${count} connections come and go under collections with ${text}: none is lost, none counts twice`, {
      skip: reason,
    }, async () => {
      await using receiver = new ObservedReceiver({ ...KEYS, features, histogram_labels: ['process'] });
      const { serving, calling, commands } = sides(`many-${i}`, ['serve', 'dial'], count);
      const before = namespaces.tcp(client);
      let collections = 0;
      let ended = false;
      const work = namespaces.talk(...commands).finally(() => {
        ended = true;
      });
      for (; !ended; collections++) {
        await receiver.collect();
        await wait(10);
      }
      await work;
      assert.ok(collections > 10, `${collections} collections`);
      const none = { failed: 0, reset: 0 };
      const clientTruth = { bytes: { transmit: count * REQUEST, receive: count * REPLY }, opened: count, accepted: 0 };
      const serverTruth = { bytes: { transmit: count * REPLY, receive: count * REQUEST }, opened: 0, accepted: count };
      await reads(receiver, tcp(serving), { ...serverTruth, ...none });
      const samples = await reads(receiver, tcp(calling), { ...clientTruth, ...none });
      const histogram = (name: string, process: string) => samples.total(`${name}_count`, { process });
      assert.equal(histogram(named('ebpf_tcp_connect_latency_ns'), calling), count);
      assert.equal(histogram(named('ebpf_tcp_connection_rtt_ns'), calling), count);
      assert.equal(histogram(named('ebpf_tcp_connection_rtt_ns'), serving), count);
      // The client closes last, so every segment of its namespace is one of its sockets'.
      const now = namespaces.tcp(client);
      const packets = samples.by('direction', named('ebpf_network_packets_total'), {
        process: calling,
        transport: 'tcp',
      });
      assert.deepEqual(packets, {
        transmit: now['OutSegs']! - before['OutSegs']!,
        receive: now['InSegs']! - before['InSegs']!,
      });
    });
  }

  test('segments that are lost on purpose are sent again: as many as TCP says', { skip: reason }, async (t) => {
    const rule = '-p tcp --tcp-flags SYN,FIN,RST NONE -m statistic --mode nth --every 25 --packet 0 -j DROP';
    try {
      namespaces.run(server, 'iptables', '-A', 'INPUT', ...rule.split(' '));
    } catch {
      t.skip('needs iptables with the match statistic');
      return;
    }
    await using receiver = new ObservedReceiver(KEYS);
    const chunks = many(200);
    const { serving, calling, commands } = sides('lossy', ['drain', 'stream'], chunks);
    const before = namespaces.tcp(client);
    await namespaces.talk(...commands);
    namespaces.run(server, 'iptables', '-F', 'INPUT');
    const again = namespaces.tcp(client)['RetransSegs']! - before['RetransSegs']!;
    assert.ok(again > 0, 'nothing was lost');
    const view = (samples: Samples) => ({
      again: samples.total(named('ebpf_tcp_retransmits'), { process: calling }),
      sent: samples.total(named('ebpf_network_bytes_total'), {
        process: calling,
        direction: 'transmit',
        transport: 'tcp',
      }),
      received: samples.total(named('ebpf_network_bytes_total'), {
        process: serving,
        direction: 'receive',
        transport: 'tcp',
      }),
    });
    await reads(receiver, view, { again, sent: chunks * CHUNK, received: chunks * CHUNK });
  });

  test('connecting takes as long as it does: a SYN that is lost is sent again after a second', {
    skip: reason,
  }, async (t) => {
    const rule = '-p tcp --syn -m statistic --mode nth --every 2 --packet 0 -j DROP';
    try {
      namespaces.run(server, 'iptables', '-A', 'INPUT', ...rule.split(' '));
    } catch {
      t.skip('needs iptables with the match statistic');
      return;
    }
    await using receiver = new ObservedReceiver({ ...KEYS, histogram_labels: ['process'] });
    const { calling, commands } = sides('slow', ['serve', 'dial'], 3);
    await namespaces.talk(...commands);
    namespaces.run(server, 'iptables', '-F', 'INPUT');
    const bucket = (samples: Samples, le: number) =>
      samples.total(`${named('ebpf_tcp_connect_latency_ns')}_bucket`, { process: calling, le: String(le) });
    const view = (samples: Samples) => ({
      again: samples.total(named('ebpf_tcp_retransmits'), { process: calling }),
      all: samples.total(`${named('ebpf_tcp_connect_latency_ns')}_count`, { process: calling }),
      below: bucket(samples, 2 ** 29),
    });
    const samples = await reads(receiver, view, { again: 3, all: 3, below: 0 });
    assert.ok(samples.total(`${named('ebpf_tcp_connect_latency_ns')}_sum`, { process: calling }) >= 3e9);
  });

  for (const features of KEPT)
    test(`each of several processes that listen at one port has its own connections, with ${JSON.stringify(features)}`, {
      skip: reason,
    }, async () => {
      await using receiver = new ObservedReceiver({ ...KEYS, features });
      const count = 300;
      const names = ['a', 'b', 'c'].map((each) => own(`share-${each}`));
      const sharing = names.map((name) =>
        spawn(workloads.program(name), ['share', '0', '4', namespaces.path(server)], {
          stdio: ['pipe', 'pipe', 'inherit'],
        }),
      );
      for (const child of sharing) await said(child);
      const args = ['dial', `${count}`, '4', namespaces.path(client), address];
      const [code] = await once(spawn(workloads.program(own('share-dial')), args, { stdio: 'ignore' }), 'close');
      assert.equal(code, 0);
      const accepted: number[] = [];
      for (const child of sharing) {
        child.stdin.end();
        accepted.push((JSON.parse(await said(child)) as { accepted: number }).accepted);
      }
      assert.equal(
        accepted.reduce((sum, each) => sum + each, 0),
        count,
      );
      assert.ok(accepted.filter((each) => each > 0).length > 1, `all connections came to one: ${accepted}`);
      for (const [i, name] of names.entries()) {
        const bytes = { transmit: accepted[i]! * REPLY, receive: accepted[i]! * REQUEST };
        await reads(receiver, tcp(name), { bytes, opened: 0, accepted: accepted[i]!, failed: 0, reset: 0 });
      }
    });

  test('peers and ports on request: who is called, and what is served; random ports are left out', {
    skip: reason,
  }, async () => {
    await using receiver = new ObservedReceiver({
      ...KEYS,
      network_labels: ['peer_address', 'peer_port', 'local_port'],
    });
    const { serving, calling, commands } = sides('peers', ['serve', 'dial'], 300);
    await namespaces.talk(...commands);
    const opened = (samples: Samples) =>
      samples
        .of(named('ebpf_tcp_connections_opened_total'), { process: calling })
        .map(({ labels, value }) => [labels, value]);
    await reads(receiver, opened, [[{ process: calling, peer_address: '10.213.7.1', peer_port: '7777' }, 300]]);
    const received = (samples: Samples) =>
      samples
        .of(named('ebpf_network_bytes_total'), { process: serving, direction: 'receive', transport: 'tcp' })
        .map(({ labels, value }) => [labels['peer_address'], labels['peer_port'], labels['local_port'], value]);
    await reads(receiver, received, [['10.213.7.2', undefined, '7777', 300 * REQUEST]]);

    // Both ends are forgotten once they were idle for long enough; the first collection after that takes their names away.
    const flows = () => {
      const maps = receiver.scope.views.get('maps')?.({}) as { map: string; entries: number }[];
      return maps.find(({ map }) => map === 'flows')!.entries;
    };
    assert.ok(flows() >= 2, `${flows()} flows`);
    receiver.scope.nowMs += 301_000;
    for (let collections = 0; collections < 3; collections++) await receiver.collect();
    assert.ok(
      receiver.ended.some((series) => series.includes('"peer_port":"7777"')),
      receiver.ended.join('\n'),
    );
  });
});

describe('connections that are older than the agent', { skip }, () => {
  for (const features of KEPT)
    test(`count what they carry from its start on, once, with ${JSON.stringify(features)}`, async () => {
      using workloads = new Workloads('sockets');
      const process = own('elder');
      const connections = 500;
      const talking = spawn(workloads.program(process), ['talk', `${connections}`, '4', 'other'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      await once(talking.stdout, 'data');
      const round = async () => {
        talking.stdin.write('\n');
        await once(talking.stdout, 'data');
      };
      await round();
      await using receiver = new ObservedReceiver({ ...KEYS, features });
      const both = connections * (REQUEST + REPLY);
      const none = { opened: 0, accepted: 0, failed: 0, reset: 0 };
      for (let rounds = 1; rounds <= 3; rounds++) {
        await round();
        await reads(receiver, tcp(process), { bytes: { transmit: rounds * both, receive: rounds * both }, ...none });
      }
      await round();
      const closed = once(talking, 'close');
      talking.stdin.end();
      await closed;
      await reads(receiver, tcp(process), { bytes: { transmit: 4 * both, receive: 4 * both }, ...none });
    });
});

/** The next line that a program prints. */
async function said(child: ChildProcess): Promise<string> {
  const [told] = (await Promise.race([once(child.stdout!, 'data'), once(child, 'close')])) as [Buffer | number];
  assert.ok(typeof told === 'object', `it ended with ${told}`);
  return told.toString();
}
