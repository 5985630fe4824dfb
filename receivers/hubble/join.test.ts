import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type MetricBatch, presentBatch, SOCKETS, type Sockets } from 'bpflow/sdk';
import { collectingConsumer, fakeScope, metricsOf } from 'bpflow/testing';
import { HubbleService } from '../../test/e2e/hubble-service.ts';
import { config } from './config.ts';
import { FlowIntake } from './flow-intake.ts';
import spec from './index.ts';
import { FakeSockets } from './test/fake-sockets.ts';
import { cart, flowMessage, frontend, type Message } from './test/messages.ts';

const S = 1000;
const EGRESS = 2;
const INGRESS = 1;
/** Twice the window of the configuration below. */
const WINDOW = 20 * S;
const SERVER = { localAddress: '10.0.0.2', localPort: 8080, peerAddress: '10.0.0.1', peerPort: 40_000 };

let nextId = 0;
/** A flow of the connection of {@link FakeSockets}, from the client, or the server's answer. */
function flow(timeMs: number, direction: number, isReply = false, more: Message = {}): Uint8Array {
  const [client, server] = [
    { address: '10.0.0.1', port: 40_000, endpoint: frontend },
    { address: '10.0.0.2', port: 8080, endpoint: cart },
  ];
  const [from, to] = isReply ? [server, client] : [client, server];
  return flowMessage({
    time: { seconds: Math.floor(timeMs / S), nanos: (timeMs % S) * 1e6 },
    uuid: `00000000-0000-4000-8000-${String(++nextId).padStart(12, '0')}`,
    verdict: 1,
    Type: 1,
    event_type: { type: 4 },
    traffic_direction: direction,
    is_reply: { value: isReply },
    source: from.endpoint,
    destination: to.endpoint,
    IP: { source: from.address, destination: to.address, ipVersion: 1 },
    l4: { TCP: { source_port: from.port, destination_port: to.port, flags: { ACK: true } } },
    ...more,
  });
}

/** What a receiver counts with these sockets. Times in ms since 1970. */
class Joining {
  readonly sockets = new FakeSockets();
  readonly intake: FlowIntake;
  readonly #sums = new Map<string, number>();

  constructor(startMs: number, keys: Message = {}) {
    this.intake = new FlowIntake({
      config: config.parse({ endpoint: 'a:1', max_flows_per_second: 0, join: 'ebpf', ...keys }),
      version: '0',
    });
    this.begin(startMs);
  }

  begin(ms: number, sockets: Sockets = this.sockets): void {
    this.intake.metrics.join!.begin(sockets, ns(ms));
  }

  end(ms: number): void {
    this.intake.metrics.join!.begin(undefined, ns(ms));
  }

  take(...messages: readonly Uint8Array[]): void {
    for (const message of messages) assert.ok(this.intake.take(message));
  }

  /** Bytes until now: `frontend>cart client`. */
  bytes(ms: number): Record<string, number> {
    const batch = this.intake.takeMetrics(ns(ms), ns(ms) - 1n);
    for (const { name, attributes, value } of batch ? metricsOf(presentBatch(batch, 'seed')) : []) {
      if (name !== 'hubble_flow_bytes_total') continue;
      const { source_workload: from, destination_workload: to, reporter } = attributes;
      const key = `${from}>${to} ${reporter}`;
      this.#sums.set(key, (this.#sums.get(key) ?? 0) + Number(value));
    }
    return Object.fromEntries(this.#sums);
  }

  get counts() {
    return this.intake.metrics.join!.counts;
  }
}

const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
const CLIENT_SIDE = { 'frontend>cart client': 100, 'cart>frontend client': 5000 };
const SERVER_SIDE = { 'cart>frontend server': 5000, 'frontend>cart server': 100 };
const NOTHING = { joined: 0, unmatched: 0, late: 0, full: 0, vanished: 0 };

describe('bytes of flows by sockets', () => {
  test('a connection counts once, to the byte, however many flows there are of it and whichever way they go', () => {
    for (const flows of [
      [flow(100 * S, EGRESS)],
      [flow(100 * S, EGRESS, true)],
      [flow(100 * S, EGRESS), flow(101 * S, EGRESS, true), flow(102 * S, EGRESS), flow(103 * S, EGRESS, true)],
    ]) {
      const joining = new Joining(90 * S);
      joining.sockets.set(99 * S, { closed: 104 * S, sent: 100n, received: 5000n });
      joining.take(...flows);
      for (const at of [105, 110, 125, 140, 160, 200]) assert.deepEqual(joining.bytes(at * S), CLIENT_SIDE);
      assert.deepEqual(joining.counts, { ...NOTHING, joined: 1 });
      assert.equal(joining.intake.metrics.join!.size, 0);
    }
  });

  test('both ends on one node: each by its own socket, under its own reporter', () => {
    const joining = new Joining(90 * S);
    joining.sockets.set(99 * S, { closed: 104 * S, sent: 100n, received: 5000n });
    joining.sockets.set(99 * S, { ...SERVER, closed: 104 * S, sent: 5000n, received: 100n });
    joining.take(flow(100 * S, EGRESS), flow(100 * S, INGRESS), flow(101 * S, INGRESS, true));
    assert.deepEqual(joining.bytes(110 * S), { ...CLIENT_SIDE, ...SERVER_SIDE });
    assert.equal(joining.counts.joined, 2);
  });

  test('the end of another node has no socket here, which is counted once the window is over', () => {
    const joining = new Joining(90 * S);
    joining.sockets.set(99 * S, { ...SERVER, closed: 104 * S, sent: 5000n, received: 100n });
    joining.take(flow(100 * S, EGRESS), flow(100 * S, INGRESS));
    assert.deepEqual(joining.bytes(110 * S), SERVER_SIDE);
    assert.equal(joining.counts.unmatched, 0, 'it may still come');
    joining.bytes(100 * S + WINDOW + 1);
    assert.deepEqual(joining.counts, { ...NOTHING, joined: 1, unmatched: 1 });
  });

  test('a flow before the socket is known, and one after it has closed', () => {
    const joining = new Joining(90 * S);
    joining.take(flow(100 * S, EGRESS));
    assert.deepEqual(joining.bytes(101 * S), {});
    joining.sockets.set(100 * S, { sent: 10n });
    assert.deepEqual(joining.bytes(102 * S), { 'frontend>cart client': 10 });
    const after = new Joining(90 * S);
    after.sockets.set(99 * S, { closed: 104 * S, sent: 100n, received: 5000n });
    assert.deepEqual(after.bytes(110 * S), {});
    after.take(flow(103 * S, EGRESS, true));
    assert.deepEqual(after.bytes(120 * S), CLIENT_SIDE);
  });

  test('a long connection counts as it grows, also when no more flows come', () => {
    const joining = new Joining(90 * S);
    joining.take(flow(100 * S, EGRESS));
    for (let second = 100; second < 400; second += 10) {
      joining.sockets.set(99 * S, { sent: BigInt(second), received: 7n });
      assert.deepEqual(joining.bytes(second * S), { 'frontend>cart client': second, 'cart>frontend client': 7 });
    }
    joining.sockets.set(99 * S, { closed: 401 * S, sent: 1000n, received: 7n });
    assert.equal(joining.bytes(410 * S)['frontend>cart client'], 1000);
    assert.equal(joining.counts.joined, 1);
  });

  test('a count that is told a byte less, and more again, counts once', () => {
    const joining = new Joining(90 * S);
    joining.take(flow(100 * S, EGRESS));
    for (const [second, received] of [
      [101, 100n],
      [102, 99n],
      [103, 100n],
      [104, 99n],
    ] as const) {
      joining.sockets.set(99 * S, { received, ...(second === 104 && { closed: 104 * S }) });
      assert.deepEqual(joining.bytes(second * S), { 'cart>frontend client': 100 });
    }
  });

  test('flows that come again long after the end find nothing that was counted before', () => {
    const joining = new Joining(90 * S);
    joining.sockets.set(99 * S, { closed: 104 * S, sent: 100n, received: 5000n });
    joining.take(flow(100 * S, EGRESS));
    for (let second = 105; second < 300; second += 5) {
      assert.deepEqual(joining.bytes(second * S), CLIENT_SIDE, `${second}`);
      // From the ring of a server that was asked anew, or late by any time.
      joining.take(flow(103 * S, EGRESS), flow((second - 15) * S, EGRESS, true));
    }
    joining.bytes(400 * S);
    assert.equal(joining.intake.metrics.join!.size, 0);
    joining.take(flow(103 * S, EGRESS));
    assert.deepEqual(joining.bytes(410 * S), CLIENT_SIDE);
    assert.deepEqual(joining.counts, { ...NOTHING, joined: 1, late: 1 });
  });

  test('a port that is used again is another connection of the same ends', () => {
    const joining = new Joining(90 * S);
    for (let i = 0; i < 50; i++) {
      joining.sockets.set((100 + i) * S, { closed: (100 + i) * S + 900, sent: 2n, received: 3n });
      joining.take(flow((100 + i) * S + 10, EGRESS), flow((100 + i) * S + 20, EGRESS, true));
      if (i % 7 === 0) joining.bytes((101 + i) * S);
    }
    assert.deepEqual(joining.bytes(155 * S), { 'frontend>cart client': 100, 'cart>frontend client': 150 });
    assert.equal(joining.counts.joined, 50);
  });

  test('what sockets carried before the join is not counted, nor again when other sockets take the place of these', () => {
    const joining = new Joining(0);
    joining.sockets.set(10 * S, { sent: 1000n, received: 1000n });
    joining.end(90 * S);
    joining.begin(90 * S);
    joining.take(flow(100 * S, EGRESS));
    joining.sockets.set(10 * S, { sent: 1100n, received: 1000n });
    assert.deepEqual(joining.bytes(101 * S), { 'frontend>cart client': 100 });
    // The receiver that has them was replaced: the same socket, found at another time.
    const next = new FakeSockets();
    next.set(105 * S, { sent: 1150n, received: 1000n });
    joining.begin(105 * S, next);
    next.set(105 * S, { sent: 1200n, received: 1001n });
    assert.deepEqual(joining.bytes(110 * S), { 'frontend>cart client': 150, 'cart>frontend client': 1 });
    assert.equal(joining.counts.vanished, 0);
  });

  test('a socket that is gone before its end was seen is counted as such', () => {
    const joining = new Joining(90 * S);
    joining.sockets.set(99 * S, { sent: 100n });
    joining.take(flow(100 * S, EGRESS));
    joining.bytes(101 * S);
    joining.sockets.clear();
    joining.bytes(110 * S);
    assert.deepEqual(joining.counts, { ...NOTHING, joined: 1, vanished: 1 });
  });

  test('asks for sockets now and then where there are no flows, so that they are watched', () => {
    const joining = new Joining(90 * S);
    for (let second = 90; second < 90 + 600; second++) joining.begin(second * S);
    assert.equal(joining.sockets.asked, 9);
  });

  test('holds at most max_connections, and says what it did not look at', () => {
    const joining = new Joining(90 * S, { max_connections: 10 });
    for (let port = 0; port < 15; port++) {
      const l4 = { TCP: { source_port: 1000 + port, destination_port: 8080, flags: { ACK: true } } };
      joining.take(flow(100 * S, EGRESS, false, { l4 }));
    }
    assert.equal(joining.intake.metrics.join!.size, 10);
    assert.equal(joining.counts.full, 5);
    joining.bytes(130 * S);
    assert.equal(joining.intake.metrics.join!.size, 0);
    assert.equal(joining.counts.unmatched, 10);
  });

  test('dropped packets, unknown directions, other protocols and requests of proxies lead to no socket', () => {
    const joining = new Joining(90 * S);
    joining.sockets.set(99 * S, { sent: 100n });
    joining.take(
      flow(100 * S, EGRESS, false, { verdict: 2, event_type: { type: 1 } }),
      flow(100 * S, 0),
      flow(100 * S, EGRESS, false, { is_reply: undefined }),
      flow(100 * S, EGRESS, false, { l4: { UDP: { source_port: 40_000, destination_port: 8080 } } }),
      flow(100 * S, EGRESS, false, { Type: 2, event_type: { type: 129 }, l7: { type: 1, http: { method: 'GET' } } }),
    );
    assert.deepEqual(joining.bytes(110 * S), {});
    assert.equal(joining.sockets.asked, 0);
  });

  test('the choice of a reporter and of a sample holds for bytes too', () => {
    for (const [keys, expected] of [
      [{ reporter: 'server' }, SERVER_SIDE],
      [{ reporter: 'client' }, CLIENT_SIDE],
      [{ exclude_namespaces: ['shop'] }, {}],
    ] as const) {
      const joining = new Joining(90 * S, keys);
      joining.sockets.set(99 * S, { sent: 100n, received: 5000n });
      joining.sockets.set(99 * S, { ...SERVER, sent: 5000n, received: 100n });
      joining.take(flow(100 * S, EGRESS), flow(100 * S, INGRESS));
      assert.deepEqual(joining.bytes(110 * S), expected);
    }
    const joining = new Joining(90 * S, { flow_sample_rate: 4 });
    for (let port = 0; port < 400; port++) {
      joining.sockets.set(99 * S, { localPort: 1000 + port, sent: 10n });
      const l4 = { TCP: { source_port: 1000 + port, destination_port: 8080, flags: { ACK: true } } };
      joining.take(flow(100 * S, EGRESS, false, { l4 }));
    }
    const { accepted } = joining.intake.counts;
    assert.ok(accepted > 40 && accepted < 200, `${accepted}`);
    assert.deepEqual(joining.bytes(110 * S), { 'frontend>cart client': accepted * 10 * 4 });
  });
});

describe('the receiver', () => {
  /** A receiver that has taken one flow, and asked for sockets. */
  async function running(keys: Message, sockets?: Sockets) {
    const hubble = await HubbleService.start([flow(0, EGRESS)]);
    const services = sockets === undefined ? [] : [[SOCKETS, 'ebpf', sockets] as const];
    const scope = fakeScope('receiver', 'hubble', { extensions: services });
    const metrics = collectingConsumer<MetricBatch>();
    const receiver = spec.create(
      spec.config.parse({ endpoint: hubble.address, hubble_tls_enabled: false, ...keys }),
      scope,
      { metrics },
    );
    await receiver.start?.();
    const accepted = (): number => (scope.view('flows') as { readonly accepted: number }).accepted;
    for (const end = Date.now() + 10_000; accepted() < 1; await wait(5)) assert.ok(Date.now() < end);
    scope.clock.advance(1000);
    await receiver.collect?.(new AbortController().signal);
    const { unavailable } = scope.view('connection') as { readonly unavailable: Readonly<Record<string, string>> };
    const names = metrics.batches.flatMap((batch) => metricsOf(presentBatch(batch, 'seed')).map(({ name }) => name));
    await receiver.stop?.();
    await hubble[Symbol.asyncDispose]();
    return { scope, unavailable, hasBytes: names.includes('hubble_flow_bytes_total') };
  }

  test('says that there are no sockets to join with, and why, and has no zero for it', async () => {
    const { scope, unavailable, hasBytes } = await running({ join: 'ebpf' });
    assert.equal(hasBytes, false);
    assert.match(unavailable['hubble_flow_bytes_total']!, /the receiver ebpf has no sockets .* collect_network/);
    const warnings = scope.logs.filter(({ level }) => level === 'warn').map(({ message }) => message);
    assert.equal(warnings.filter((message) => message.startsWith('hubble_flow_bytes_total is not')).length, 1);
  });

  test('counts bytes by the sockets of the receiver that is named; dropped ones are in no counter and stay unavailable', async () => {
    const sockets = new FakeSockets();
    const now = Number(fakeScope().clock.now() / 1_000_000n);
    sockets.set(now, { sent: 100n });
    const { scope, unavailable } = await running({ join: 'ebpf' }, sockets);
    assert.equal(unavailable['hubble_flow_bytes_total'], undefined);
    assert.match(unavailable['hubble_drop_bytes_total']!, /what is dropped on the way is in none of their counters/);
    assert.equal((scope.view('join') as { readonly ready: boolean }).ready, true);
    const other = await running({ join: 'ebpf/other' }, sockets);
    assert.match(other.unavailable['hubble_flow_bytes_total']!, /the receiver ebpf\/other has no sockets/);
    const none = await running({}, sockets);
    assert.match(none.unavailable['hubble_flow_bytes_total']!, /join: ebpf counts those of this node's sockets/);
  });
});
