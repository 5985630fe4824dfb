import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createScope, SeriesInterner } from 'bpflow/sdk';
import { InterfacesSource } from './interfaces.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-interfaces-'));
after(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'dev');
const missing = join(folder, 'missing');

function source(...paths: readonly string[]): InterfacesSource {
  return new InterfacesSource({ interner: new SeriesInterner(), scope: createScope('test', '0'), paths });
}

/** Writes the kernel's file; per interface: bytes and packets received, bytes and packets sent. */
function write(interfaces: Readonly<Record<string, readonly [number, number, number, number]>>): void {
  const lines = Object.entries(interfaces).map(
    ([name, [rxBytes, rxPackets, txBytes, txPackets]]) =>
      `${name.padStart(6)}: ${rxBytes} ${rxPackets}    1    2    3     4          5         6 ${txBytes} ${txPackets}    7    8    9    10      11         12`,
  );
  writeFileSync(
    path,
    `Inter-|   Receive                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n${lines.join('\n')}\n`,
  );
}

/** What has grown, as `metric interface direction: value`; ended series as `ended`. */
function grown(interfaces: InterfacesSource): string[] {
  interfaces.collect();
  const told = interfaces.metrics.flatMap((pending) => {
    const metric = pending.build(2n, 1n);
    if (metric?.kind !== 'sum') return [];
    return [...metric.points.values].map((value, i) => {
      const labels = Object.values(metric.series.attributes(metric.points.ids[i]!).toObject()).sort();
      const { flags } = metric.points;
      const ended = (typeof flags === 'number' ? flags : flags[i]!) !== 0;
      return `${metric.definition?.seedName} ${labels.join(' ')}: ${ended ? 'ended' : value}`;
    });
  });
  for (const pending of interfaces.metrics) pending.accepted();
  return told;
}

test('bytes and packets since the start of the agent, and none twice', () => {
  write({ eth0: [1000, 10, 2000, 20] });
  const interfaces = source(missing, path);
  assert.deepEqual(grown(interfaces), []);
  write({ eth0: [1500, 11, 2700, 22] });
  assert.deepEqual(grown(interfaces), [
    'ebpf_network_interface_bytes_total eth0 receive: 500',
    'ebpf_network_interface_bytes_total eth0 transmit: 700',
    'ebpf_network_interface_packets_total eth0 receive: 1',
    'ebpf_network_interface_packets_total eth0 transmit: 2',
  ]);
  assert.deepEqual(grown(interfaces), []);
});

test('an interface that is made later counts from its beginning, one that is gone ends', () => {
  write({ eth0: [0, 0, 0, 0] });
  const interfaces = source(path);
  write({ eth0: [0, 0, 0, 0], veth1: [64, 1, 0, 0] });
  assert.deepEqual(grown(interfaces), [
    'ebpf_network_interface_bytes_total receive veth1: 64',
    'ebpf_network_interface_packets_total receive veth1: 1',
  ]);
  write({ eth0: [0, 0, 0, 0] });
  assert.deepEqual(
    grown(interfaces).filter((each) => !each.endsWith('ended')),
    [],
  );
  write({ eth0: [0, 0, 0, 0], veth1: [10, 1, 0, 0] });
  assert.deepEqual(grown(interfaces), [
    'ebpf_network_interface_bytes_total receive veth1: 10',
    'ebpf_network_interface_packets_total receive veth1: 1',
  ]);
});

test('an interface that was made anew between two readings counts from its beginning', () => {
  write({ eth0: [1000, 10, 0, 0] });
  const interfaces = source(path);
  write({ eth0: [30, 1, 0, 0] });
  assert.deepEqual(grown(interfaces), [
    'ebpf_network_interface_bytes_total eth0 receive: 30',
    'ebpf_network_interface_packets_total eth0 receive: 1',
  ]);
});

test('a file that is gone for one reading loses and doubles nothing, and no other one stands in for it', () => {
  write({ eth0: [1000, 10, 0, 0] });
  const [first, aside] = [join(folder, 'first'), join(folder, 'aside')];
  renameSync(path, first);
  write({ eth7: [5000, 50, 0, 0] });
  const interfaces = source(first, path);
  renameSync(first, aside);
  assert.deepEqual(grown(interfaces), []);
  write({ eth0: [1500, 15, 0, 0] });
  renameSync(path, first);
  assert.deepEqual(grown(interfaces), [
    'ebpf_network_interface_bytes_total eth0 receive: 500',
    'ebpf_network_interface_packets_total eth0 receive: 5',
  ]);
});

test('without the file there is nothing', () => {
  assert.deepEqual(grown(source(missing)), []);
});
