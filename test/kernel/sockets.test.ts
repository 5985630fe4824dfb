import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { cgroupIn, cgroupTree } from 'bpflow/containers';
import { PROCESSES, type Processes, SOCKETS, type SocketFacts, type Sockets } from 'bpflow/sdk';
import { isEmulated, skip } from './machine.ts';
import { KEPT } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { TwoNamespaces } from './two-namespaces.ts';
import { own, Workloads } from './workload.ts';

const KEYS = { collect_syscalls: false, collect_file_io: false, exclude_processes: [] };
const REQUEST = 128n;
const REPLY = 1024n;
const PORT = 7777;
/** Of the namespaces here, so that no other test's connections look like these. */
const NETWORK = 8;
/** An emulated processor takes a hundred times as long. */
const MANY = isEmulated ? 500 : 5000;
const HISTORY = isEmulated ? 400 : 4000;

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;
const MS = 1_000_000n;

function socketsOf(receiver: ObservedReceiver): Sockets {
  return receiver.scope.provided.get(SOCKETS) as Sockets;
}

/** What is found once nothing more is under way. */
async function eventually<T>(look: () => T, expected: T): Promise<void> {
  for (let tries = 0; tries < (isEmulated ? 600 : 60); tries++) {
    try {
      assert.deepEqual(look(), expected);
      return;
    } catch {
      await wait(50);
    }
  }
  assert.deepEqual(look(), expected);
}

const bytes = ({ sent, received }: SocketFacts) => ({ sent, received });

/** A program that holds connections until it is told to go on. */
class Holding implements AsyncDisposable {
  readonly child: ChildProcess;

  constructor(path: string, args: readonly string[]) {
    this.child = spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  async said(): Promise<void> {
    await once(this.child.stdout!, 'data');
  }

  async goOn(): Promise<void> {
    this.child.stdin!.write('\n');
    await this.said();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null) return;
    const closed = once(this.child, 'close');
    this.child.stdin!.end();
    await closed;
  }
}

describe('SOCKETS', { skip }, () => {
  const namespaces = new TwoNamespaces(NETWORK);
  const workloads = new Workloads('sockets');
  after(() => {
    workloads[Symbol.dispose]();
    namespaces[Symbol.dispose]();
  });
  const { reason, address, clientAddress, client, server } = namespaces;

  async function talk(name: string, count: number): Promise<readonly number[]> {
    const told = await namespaces.talk(
      [workloads.program(own(`${name}-s`)), 'serve', `${count}`, '4', namespaces.path(server)],
      [workloads.program(own(`${name}-c`)), 'ports', `${count}`, '4', namespaces.path(client), address],
    );
    return JSON.parse(told);
  }

  for (const features of KEPT)
    test(`${MANY} connections between two namespaces come and go: each end of each is found once, to the byte, with ${JSON.stringify(features)}`, {
      skip: reason,
    }, async () => {
      await using receiver = new ObservedReceiver({ ...KEYS, features, socket_history: 200_000 });
      const sockets = socketsOf(receiver);
      const from = now();
      assert.ok([...sockets.live()].every(({ transport }) => transport === 'tcp'));
      const ports = await talk('known', MANY);
      const to = now() + MS;
      const wanted = new Map<number, number>();
      for (const port of ports) wanted.set(port, (wanted.get(port) ?? 0) + 1);
      const side = (isClient: boolean, port: number) =>
        sockets.find(
          isClient
            ? { transport: 'tcp', localAddress: clientAddress, localPort: port, peerAddress: address, peerPort: PORT }
            : { transport: 'tcp', localAddress: address, localPort: PORT, peerAddress: clientAddress, peerPort: port },
          from,
          to,
        );
      const all = () => [...wanted.keys()].flatMap((port) => [...side(true, port), ...side(false, port)]).length;
      await eventually(all, 2 * MANY);
      for (const [port, times] of wanted) {
        for (const isClient of [true, false]) {
          const found = side(isClient, port);
          assert.equal(found.length, times, `port ${port}`);
          for (const [i, socket] of found.entries()) {
            const [sent, received] = isClient ? [REQUEST, REPLY] : [REPLY, REQUEST];
            assert.deepEqual(bytes(socket), { sent, received });
            assert.ok(socket.closed !== undefined && socket.opened <= socket.closed);
            assert.ok(socket.opened >= from - 2n * MS && socket.closed <= to + 2n * MS, 'wall time');
            assert.ok(i === 0 || found[i - 1]!.opened > socket.opened, 'newest first');
          }
        }
      }
      const [one] = side(true, ports[0]!);
      const tuple = { ...one!, localAddress: `::ffff:${clientAddress}` };
      assert.equal(sockets.find(tuple, one!.opened, one!.opened).length, 1, 'an IPv4 address in IPv6 form');
      assert.deepEqual(sockets.find(tuple, one!.closed! + 1n, one!.closed! + 2n), []);
      assert.deepEqual(sockets.find(tuple, one!.opened - 2n, one!.opened - 1n), []);
      assert.deepEqual(sockets.find({ ...tuple, transport: 'udp' }, from, to), []);
      const { lost, evicted } = receiver.scope.views.get('sockets')!({}) as { lost: number; evicted: number };
      assert.deepEqual({ lost, evicted }, { lost: 0, evicted: 0 });
    });

  test('nobody who asks, nothing kept; the history is bounded and says what it forgot; after the stop nothing is found', {
    skip: reason,
  }, async () => {
    await using receiver = new ObservedReceiver({ ...KEYS, socket_history: HISTORY });
    const sockets = socketsOf(receiver);
    const view = () => {
      const { wanted, ended, evicted, lost } = receiver.scope.views.get('sockets')!({}) as Record<string, unknown>;
      return { wanted, ended, evicted, lost };
    };
    const before = await talk('unasked', HISTORY / 10);
    assert.deepEqual(view(), { wanted: false, ended: 0, evicted: 0, lost: 0 });
    const facts = { transport: 'tcp', localAddress: clientAddress, peerAddress: address, peerPort: PORT } as const;
    for (const localPort of before) {
      assert.deepEqual(sockets.find({ ...facts, localPort }, 0n, now()), [], 'what ended before is not known');
    }
    const ports = await talk('asked', (HISTORY * 3) / 4);
    const last = { ...facts, localPort: ports.at(-1)! };
    await eventually(
      () =>
        sockets
          .find(last, 0n, now() + MS)
          .map(bytes)
          .slice(0, 1),
      [{ sent: REQUEST, received: REPLY }],
    );
    assert.ok(Number(view().ended) === HISTORY && Number(view().evicted) >= HISTORY / 2, JSON.stringify(view()));
    await receiver[Symbol.asyncDispose]();
    assert.deepEqual(sockets.find(last, 0n, now()), []);
    assert.deepEqual([...sockets.live()], []);
  });

  const families = [
    ['6', 'ipv6', '::1'],
    ['4', 'ipv4', '127.0.0.1'],
    ['mapped', 'ipv4', '127.0.0.1'],
  ] as const;
  const living = KEPT.flatMap((features, i) =>
    families.slice(0, i === 0 ? undefined : 1).map((family) => [...family, features] as const),
  );
  for (const [family, kind, host, features] of living) {
    test(`living ones have their owner, and their bytes as they grow (${family}), with ${JSON.stringify(features)}`, async () => {
      await using receiver = new ObservedReceiver({ ...KEYS, features });
      const sockets = socketsOf(receiver);
      const path = workloads.program(own(`living-${family}`));
      await using holding = new Holding(path, ['talk', '50', family, 'other']);
      await holding.said();
      const pid = holding.child.pid!;
      const mine = () => [...sockets.live()].filter(({ ownerPid }) => ownerPid === pid);
      await eventually(() => mine().length, 100);
      const cgroup = cgroupOf(pid);
      const begun = new Map(mine().map((socket) => [`${socket.localPort} ${socket.peerPort}`, socket.opened]));
      assert.equal(begun.size, 100);
      for (const each of mine()) {
        assert.deepEqual([each.family, each.localAddress, each.peerAddress], [kind, host, host]);
        assert.equal(each.ownerCgroupId, cgroupId(cgroup));
        assert.equal(each.closed, undefined);
      }
      for (let rounds = 1n; rounds <= 3n; rounds++) {
        await holding.goOn();
        const sums = () => mine().map(({ sent, received }) => [sent, received].sort().join());
        await eventually(() => [...new Set(sums())], [[rounds * REPLY, rounds * REQUEST].sort().join()]);
      }
      const last = mine();
      assert.equal(last.length, 100);
      await holding[Symbol.asyncDispose]();
      await eventually(() => mine().length, 0);
      for (const socket of last) {
        const { localPort, peerPort, opened } = socket;
        assert.equal(opened, begun.get(`${localPort} ${peerPort}`), 'the same socket opened at the same time');
        const ended = sockets.find(socket, opened, now()).filter(({ ownerPid }) => ownerPid === pid);
        assert.deepEqual(
          ended.map((each) => ({ ...bytes(each), opened: each.opened, isClosed: each.closed !== undefined })),
          [{ ...bytes(socket), opened, isClosed: true }],
        );
      }
    });
  }

  for (const features of KEPT)
    test(`what is older than the agent is found too, with all it has carried, with ${JSON.stringify(features)}`, async () => {
      await using holding = new Holding(workloads.program(own('older')), ['talk', '20', '4', 'other']);
      await holding.said();
      await holding.goOn();
      await using receiver = new ObservedReceiver({ ...KEYS, features });
      const sockets = socketsOf(receiver);
      await holding.goOn();
      const mine = () => [...sockets.live()].filter(({ ownerPid }) => ownerPid === holding.child.pid);
      const totals = () => mine().reduce((sum, { sent }) => sum + sent, 0n);
      await eventually(() => [mine().length, totals()] as const, [40, 20n * 2n * (REQUEST + REPLY)]);
    });

  test('without iterators nobody provides it', async () => {
    await using receiver = new ObservedReceiver({ ...KEYS, features: { iterators: 'off' } });
    assert.equal(receiver.scope.provided.get(SOCKETS), undefined);
    assert.ok(receiver.scope.provided.has(PROCESSES));
  });
});

describe('PROCESSES', { skip }, () => {
  test('a process with its executable, command, parent, cgroup and start', async () => {
    using workloads = new Workloads('sockets');
    const name = own('somebody');
    await using receiver = new ObservedReceiver(KEYS);
    const processes = receiver.scope.provided.get(PROCESSES) as Processes;
    const before = uptimeNs();
    await using holding = new Holding(workloads.program(name), ['hold', '1', '4', 'here']);
    await holding.said();
    const pid = holding.child.pid!;
    const found = processes.process(pid)!;
    const cgroup = cgroupOf(pid);
    assert.deepEqual(
      { ...found, startTime: 0n },
      {
        pid,
        executable: name,
        command: name.slice(0, 15),
        parentPid: process.pid,
        cgroupId: cgroupId(cgroup),
        startTime: 0n,
      },
    );
    assert.ok(before <= found.startTime && found.startTime <= uptimeNs() + 10_000_000n, `${found.startTime}`);
    assert.equal(processes.cgroupPath(found.cgroupId), cgroup);
    assert.equal(processes.process(2 ** 22 + 1), undefined);
    assert.equal(processes.cgroupPath(1n << 60n), undefined);
    assert.equal(processes.containerId(1n << 60n), undefined);
  });
});

/** In hundredths of a second, cut off. */
function uptimeNs(): bigint {
  return BigInt(Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1e9));
}

function cgroupOf(pid: number): string {
  return cgroupIn(cgroupTree()!, readFileSync(`/proc/${pid}/cgroup`, 'utf8'))!;
}

function cgroupId(path: string): bigint {
  return statSync(join(cgroupTree()!.path, path), { bigint: true }).ino;
}
