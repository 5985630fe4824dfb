import { deepEqual, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { disk, skip } from './machine.ts';
import { named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { readsUntil, type Samples } from './samples.ts';
import { SmallCgroup } from './small-cgroup.ts';
import { TwoNamespaces } from './two-namespaces.ts';
import { own, Workloads } from './workload.ts';

/** The names that each key switches, as far as a file, some memory and some connections make them. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  collect_syscalls: ['ebpf_syscall_count', 'ebpf_syscall_errors', 'ebpf_syscall_latency_ns_count'],
  collect_scheduler: ['ebpf_process_runtime_ns', 'ebpf_context_switches', 'ebpf_runqueue_latency_ns_count'],
  collect_file_io: [
    'ebpf_file_read_bytes',
    'ebpf_file_write_bytes',
    'ebpf_file_open_count',
    'ebpf_file_open_errors',
    'ebpf_file_regular_read_bytes',
    'ebpf_file_regular_write_bytes',
    'ebpf_file_io_latency_ns_count',
    'ebpf_block_io_latency_ns_count',
  ],
  collect_network: [
    named('ebpf_network_bytes_total'),
    named('ebpf_network_packets_total'),
    'ebpf_network_interface_bytes_total',
    'ebpf_network_interface_packets_total',
    'ebpf_tcp_connections',
    'ebpf_tcp_rtt_us',
    named('ebpf_tcp_connections_opened_total'),
    named('ebpf_tcp_connections_accepted_total'),
    named('ebpf_tcp_connections_failed_total'),
    named('ebpf_tcp_connections_reset_total'),
    `${named('ebpf_tcp_connect_latency_ns')}_count`,
    `${named('ebpf_tcp_connection_rtt_ns')}_count`,
  ],
  collect_memory: [
    'ebpf_page_faults',
    'ebpf_memory_allocations',
    'ebpf_memory_allocated_bytes',
    'ebpf_memory_resident_bytes',
  ],
};

/** Those that need more than that: a place where memory may be short, a way on which segments are lost. */
const OOM_KILLS = 'ebpf_oom_kills';
const RETRANSMITS = named('ebpf_tcp_retransmits');

const CONNECTED = `const net = require('node:net');
const server = net.createServer().listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').write('x'));`;

describe('a family of metrics', { skip }, () => {
  const folder = skip === false ? mkdtempSync(join(disk, 'families-')) : '';
  const workloads = new Workloads('resources');
  const sockets = new Workloads('sockets');
  // Somebody must have a connection when it is looked for those that live.
  const connected = skip === false ? spawn(globalThis.process.execPath, ['-e', CONNECTED]) : undefined;
  const smallCgroup = new SmallCgroup();
  const namespaces = new TwoNamespaces();
  after(() => {
    connected?.kill();
    smallCgroup[Symbol.dispose]();
    namespaces[Symbol.dispose]();
    workloads[Symbol.dispose]();
    sockets[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  /** Makes the kernel kill a process for want of memory. */
  async function eat(name: string): Promise<void> {
    if (smallCgroup.reason !== false) return;
    const script = `echo $$ > ${smallCgroup.path}/cgroup.procs && exec "$0" eat`;
    await once(spawn('sh', ['-c', script, workloads.program(name)]), 'exit');
  }

  /** Returns why none can be lost here; false when some were. */
  async function loseSegments(name: string): Promise<string | false> {
    const { server, client, address } = namespaces;
    const rule = '-p tcp --tcp-flags SYN,FIN,RST NONE -m statistic --mode nth --every 25 --packet 0 -j DROP';
    try {
      namespaces.run(server, 'iptables', '-A', 'INPUT', ...rule.split(' '));
    } catch {
      return 'needs iptables with the match statistic';
    }
    const program = sockets.program(name);
    await namespaces.talk(
      [program, 'drain', '100', '4', namespaces.path(server)],
      [program, 'stream', '100', '4', namespaces.path(client), address],
    );
    return false;
  }

  for (const [key, names] of Object.entries(FAMILIES)) {
    test(`is all there with ${key}, and nothing of it without`, async (t) => {
      const all = (on: boolean) => Object.fromEntries(Object.keys(FAMILIES).map((each) => [each, on]));
      await using without = new ObservedReceiver({ ...all(true), regular_files: 'on', [key]: false });
      await using receiver = new ObservedReceiver({ ...all(false), regular_files: 'on', [key]: true });
      const process = own('family');
      await workloads.run(process, 'io', join(folder, 'file'), 100, 4096);
      await workloads.run(process, 'take', 100);
      for (const mode of ['tcp', 'refused', 'reset']) await sockets.run(process, mode, 10, '4', 'here');
      const wanted = [...names];
      if (key === 'collect_memory') {
        if (smallCgroup.reason !== false) t.diagnostic(`Without ${OOM_KILLS}: ${smallCgroup.reason}`);
        else wanted.push(OOM_KILLS);
        await eat(process);
      }
      if (key === 'collect_network') {
        const obstacle = namespaces.reason || (await loseSegments(process));
        if (obstacle !== false) t.diagnostic(`Without ${RETRANSMITS}: ${obstacle}`);
        else wanted.push(RETRANSMITS);
      }
      const missing = (samples: Samples) => wanted.filter((name) => samples.total(name) === 0);
      await readsUntil(receiver, (samples) => missing(samples).length === 0, missing);
      const others = new Set((await without.read()).list.map(({ name }) => name));
      ok(others.size > 0);
      const present = new Set(receiver.samples.list.map(({ name }) => name));
      deepEqual(
        [...others].filter((name) => present.has(name)),
        [],
      );
    });
  }
});
