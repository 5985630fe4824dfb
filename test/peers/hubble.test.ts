import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Follower, sumsOf, totalOf } from './hubble-follower.ts';
import { HubbleServer, type HubbleStats } from './hubble-server.ts';
import { temporaryFolder, until } from './program.ts';
import { isFull, missing } from './programs.ts';

const skip = missing('hubble-server');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const rounds = isFull ? 1000 : 80;
const AGENT = 'node-a.demo.hubble-grpc.cilium.io';

describe("the hubble receiver counts what Cilium's server has fed", { skip }, () => {
  const ways: Readonly<Record<string, (server: HubbleServer) => Readonly<Record<string, unknown>>>> = {
    'plain TCP': ({ plain }) => ({ endpoint: plain, hubble_tls_enabled: false }),
    'a unix socket': ({ socket }) => ({ endpoint: `unix://${socket}` }),
    TLS: ({ tls }) => ({ endpoint: tls, tls: { ca_file: `${folder.path}/ca.crt`, server_name: AGENT } }),
    'mutual TLS, with a field mask': ({ mtls }) => ({
      endpoint: mtls,
      tls: {
        ca_file: `${folder.path}/ca.crt`,
        cert_file: `${folder.path}/client.crt`,
        key_file: `${folder.path}/client.key`,
        server_name: AGENT,
      },
      field_mask: true,
    }),
  };
  for (const [way, config] of Object.entries(ways)) {
    test(`over ${way}`, async () => {
      await using server = await HubbleServer.start({ folder: folder.path, ring: 65_535 });
      await using follower = new Follower(config(server));
      await follower.follows();
      await server.hasStreams(1);
      await server.feed(rounds);
      const stats = await server.stats();
      await follower.has(stats.decoded['total']!['flows']!);
      await compare(follower, stats);
    });
  }

  test('under exponential histograms, other labels, and without a mix of everything', async () => {
    await using server = await HubbleServer.start({ folder: folder.path, ring: 65_535 });
    await using follower = new Follower({
      endpoint: server.plain,
      hubble_tls_enabled: false,
      histogram: { form: 'exponential' },
      context: { labels: ['source_ip', 'node_name'], destination: ['service', 'workload-name', 'dns', 'ip'] },
      dns_query_label: true,
    });
    await follower.follows();
    await server.hasStreams(1);
    for (const mix of ['tcp=3', 'drop=2,verdict=3', 'http=5,dns=4', 'grpc=2', 'udp=1,icmp=1,world=1,svc=1,lost=1']) {
      await server.feed(rounds / 4, mix);
    }
    const stats = await server.stats();
    await follower.has(stats.decoded['total']!['flows']!);
    await compare(follower, stats);
    const rows = await follower.rows();
    assert.deepEqual(
      keysMapped(sumsOf(rows, 'hubble_dns_queries_total', ['query']), (query) => `REQUEST|${query}`),
      filtered(stats.decoded['dns_query'], 'REQUEST|'),
    );
    const destinations = Object.keys(sumsOf(rows, 'hubble_flows_total', ['destination']));
    for (const expected of ['kube-system/kube-dns', 'cart', 'api.example.com'])
      assert.ok(destinations.includes(expected));
    assert.deepEqual(Object.keys(sumsOf(rows, 'hubble_flows_total', ['node_name'])), ['demo/node-a']);
  });

  test('under the names of Cilium, as its own metrics of the same flows', async () => {
    const labels = 'labelsContext=source_workload,destination_namespace,traffic_direction;sourceContext=pod|dns|ip';
    const groups = [
      'flow',
      'drop',
      'tcp',
      'icmp',
      'port-distribution',
      'policy',
      'flows-to-world',
      'dns:query',
      'httpV2',
    ];
    const metrics = groups.map((group) => `${group}${group.includes(':') ? ';' : ':'}${labels}`).join(' ');
    await using server = await HubbleServer.start({ folder: folder.path, ring: 65_535, metrics });
    await using follower = new Follower({
      endpoint: server.plain,
      hubble_tls_enabled: false,
      names: 'hubble_upstream',
      dns_query_label: true,
      context: {
        labels: ['source_workload', 'destination_namespace', 'traffic_direction'],
        source: ['pod', 'dns', 'ip'],
      },
    });
    await follower.follows();
    await server.hasStreams(1);
    await server.feed(rounds);
    const stats = await server.stats();
    await follower.has(stats.decoded['total']!['flows']!);
    const own = new Map<string, number>();
    for (const { name, attributes, value, count, sum } of await follower.rows()) {
      const series = seriesOf(
        name,
        Object.entries(attributes).map(([label, text]) => [label, String(text)]),
      );
      add(own, value === undefined ? `${series} count` : series, Number(value ?? count));
      if (sum !== undefined) add(own, `${series} sum`, sum);
    }
    const theirs = upstreamSeries(await server.metrics());
    // A lost event is one for Cilium's metric, whatever it says it has lost: here 7 each.
    const lost = 'hubble_lost_events_total{source="perf_event_ring_buffer"}';
    assert.equal(own.get(lost), stats.fed['lost']!['PERF_EVENT_RING_BUFFER']);
    own.delete(lost);
    assert.ok(theirs.size > 50);
    assert.deepEqual(rounded(own), rounded(theirs));
  });
});

describe('the hubble receiver loses nothing unseen', { skip }, () => {
  test('with a ring of 63 and more flows at once than it holds, received and lost are what was fed', async () => {
    await using server = await HubbleServer.start({ folder: folder.path, ring: 63 });
    await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false });
    await follower.follows();
    await server.hasStreams(1);
    await server.feed(rounds * 20, 'tcp=1,http=1');
    // Hubble tells of losses a second later, and with the next event.
    const all = async (): Promise<boolean> => {
      await wait(1100);
      await server.feed(1, 'icmp=1');
      await wait(100);
      const { accepted, lost } = follower.counts;
      const { decoded } = await server.stats();
      // What is lost are entries of the ring: among them are the agent's own events, of which each feed makes one.
      const events = decoded['total']!['flows']! + decoded['agent_event']!['AGENT_STARTED']!;
      return accepted + lost >= decoded['total']!['flows']! && accepted + lost <= events;
    };
    await until(all, async () => {
      return `${JSON.stringify(follower.counts)} of ${JSON.stringify((await server.stats()).decoded['total'])}`;
    });
    const told = await follower.sums('hubble_lost_events_total', 'source');
    assert.equal(
      Object.values(told).reduce((sum, count) => sum + count, 0),
      follower.counts.lost,
    );
  });

  test('killed and started anew again and again, no flow comes twice and a gap is told', async () => {
    let server = await HubbleServer.start({ folder: folder.path });
    await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false, context: { labels: [] } });
    const restarts = isFull ? 20 : 3;
    let fed = 0;
    for (let i = 0; i < restarts; i++) {
      await follower.follows();
      await server.hasStreams(1);
      await server.feed(5, 'tcp=1,http=1,drop=1');
      fed += (await server.stats()).decoded['total']!['flows']!;
      await follower.has(fed);
      await server.kill();
      await until(
        () => follower.connection.kind !== 'following',
        () => 'It does not see that the server is gone.',
      );
      server = await HubbleServer.start({ folder: folder.path, addresses: server.addresses });
    }
    await follower.follows();
    await server[Symbol.asyncDispose]();
    assert.equal(follower.counts.accepted, fed);
    assert.equal(totalOf(await follower.rows(), 'hubble_flows_total'), fed);
    const { unknownGaps } = follower.scope.view('connection') as { readonly unknownGaps: number };
    assert.equal(unknownGaps, restarts);
  });

  test('what comes while the receiver is away is fetched from the ring, and nothing twice', async () => {
    await using server = await HubbleServer.start({ folder: folder.path });
    const proxy = await Cut.to(server.plain);
    await using follower = new Follower({ endpoint: proxy.address, hubble_tls_enabled: false });
    await follower.follows();
    await server.hasStreams(1);
    const cuts = isFull ? 20 : 4;
    for (let i = 0; i < cuts; i++) {
      await server.feed(3);
      proxy.cut();
      await server.feed(3);
      proxy.mend();
      await follower.follows();
      const stats = await server.stats();
      await follower.has(stats.decoded['total']!['flows']!);
    }
    await wait(300);
    const stats = await server.stats();
    assert.equal(follower.counts.accepted, stats.decoded['total']!['flows']);
    assert.equal(follower.counts.lost, stats.fed['lost']!['PERF_EVENT_RING_BUFFER']);
    assert.ok(follower.connection.streams > cuts);
    await proxy.close();
  });

  test('a server whose ring is empty is waited for, and its first flows come', async () => {
    await using server = await HubbleServer.start({ folder: folder.path, more: ['-empty-ring'] });
    await using follower = new Follower({ endpoint: server.plain, hubble_tls_enabled: false });
    await until(
      () => follower.connection.kind === 'waiting',
      () => 'It does not wait.',
    );
    await server.feed(2, 'agent=1');
    await follower.follows();
    await server.hasStreams(1);
    await server.feed(3, 'tcp=1');
    await follower.has((await server.stats()).decoded['total']!['flows']!);
  });
});

describe('the hubble receiver says what is wrong', { skip }, () => {
  const reasons: Readonly<Record<string, [(server: HubbleServer) => Readonly<Record<string, unknown>>, RegExp]>> = {
    'an authority that is not trusted': [
      ({ tls }) => ({ endpoint: tls, tls: { server_name: AGENT } }),
      /TLS with Hubble at .* failed: .*(authority|not trusted)/,
    ],
    'another name': [
      ({ tls }) => ({ endpoint: tls, tls: { ca_file: `${folder.path}/ca.crt`, server_name: 'hubble.example.com' } }),
      /TLS with Hubble at .* failed: .*name/i,
    ],
    'no certificate where one is wanted': [
      ({ mtls }) => ({ endpoint: mtls, tls: { ca_file: `${folder.path}/ca.crt`, server_name: AGENT } }),
      /certificate/,
    ],
    'a closed port': [
      () => ({ endpoint: '127.0.0.1:1', hubble_tls_enabled: false }),
      /refused: is Hubble Relay running/,
    ],
    'no such socket': [() => ({ endpoint: `unix://${folder.path}/none.sock` }), /there is no such socket/],
  };
  test('of a connection that cannot be', async () => {
    await using server = await HubbleServer.start({ folder: folder.path });
    for (const [what, [config, expected]] of Object.entries(reasons)) {
      await using follower = new Follower(config(server));
      await until(
        () => follower.connection.kind === 'lost',
        () => `${what}: ${JSON.stringify(follower.connection)}`,
      );
      assert.match(follower.connection.reason, expected, what);
    }
  });

  test('and picks up certificates that were renewed', async () => {
    const old = join(folder.path, 'rotating.crt');
    const key = join(folder.path, 'rotating.key');
    await using server = await HubbleServer.start({ folder: folder.path });
    copyFileSync(join(folder.path, 'relay.crt'), old);
    copyFileSync(join(folder.path, 'relay.key'), key);
    await using follower = new Follower({
      endpoint: server.mtls,
      tls: {
        ca_file: `${folder.path}/ca.crt`,
        cert_file: old,
        key_file: key,
        server_name: AGENT,
        reload_interval: '100ms',
      },
    });
    await follower.follows();
    copyFileSync(join(folder.path, 'client.crt'), old);
    copyFileSync(join(folder.path, 'client.key'), key);
    await until(
      () => follower.scope.logs.some(({ message }) => /changed/.test(message)),
      () => 'The files were not read again.',
    );
    await server.kill();
    await using again = await HubbleServer.start({ folder: folder.path, addresses: server.addresses });
    await until(
      () => follower.connection.kind === 'following' && follower.connection.streams === 2,
      () => JSON.stringify(follower.connection),
    );
    await again.hasStreams(1);
  });
});

/** Every counter and histogram against what was fed. */
async function compare(follower: Follower, { decoded, fed }: HubbleStats): Promise<void> {
  const rows = await follower.rows();
  const sums = (metric: string, ...labels: string[]) => sumsOf(rows, metric, labels);
  const of = (group: string): Readonly<Record<string, number>> => decoded[group] ?? {};
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);

  assert.equal(follower.counts.accepted, of('total')['flows']);
  assert.equal(follower.counts.malformed, 0);
  assert.deepEqual(sums('hubble_flows_total', 'protocol'), of('l4'));
  assert.deepEqual(sums('hubble_flows_total', 'verdict'), of('verdict'));
  assert.deepEqual(sums('hubble_flows_total', 'type'), of('type'));
  assert.deepEqual(
    keysMapped(sums('hubble_flows_total', 'direction'), (name) =>
      name === 'unknown' ? 'TRAFFIC_DIRECTION_UNKNOWN' : name.toUpperCase(),
    ),
    of('direction'),
  );
  assert.equal(total(sums('hubble_udp_flows_total')), (of('l4')['UDP'] ?? 0) - total(of('dns')));
  assert.deepEqual(sums('hubble_drop_total', 'reason'), of('drop_reason_dropevents'));
  assert.deepEqual(
    keysMapped(
      sums('hubble_policy_match_total', 'direction', 'action', 'match'),
      (key) => key,
      (key) => !key.includes('l7/'),
    ),
    policyOf(of('policy_verdict')),
  );
  assert.equal(total(sums('hubble_policy_verdicts_total')), total(of('policy_verdict')));

  const opened = fed['tcp_conn']?.['opened'] ?? 0;
  const toWorld = of('observation_point')['TO_STACK'] ?? 0;
  assert.equal(total(sums('hubble_tcp_connections_total')), opened + toWorld);
  assert.equal(total(sums('hubble_tcp_connection_duration_seconds')), opened);
  assert.equal(nanoseconds(rows, 'hubble_tcp_connection_duration_seconds'), fed['tcp_conn']?.['duration_sum_ns'] ?? 0);

  const http = Object.entries(of('http')).map(([key, count]) => [...key.split('|'), count] as const);
  const httpOf = (type: string, ...fields: number[]): Readonly<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const row of http) {
      if (row[0] !== type) continue;
      const key = fields.map((field) => row[field]).join('|');
      counts[key] = (counts[key] ?? 0) + Number(row.at(-1));
    }
    return sorted(counts);
  };
  assert.deepEqual(sums('hubble_http_requests_total', 'method'), httpOf('REQUEST', 1));
  assert.deepEqual(sums('hubble_http_responses_total', 'method', 'status'), httpOf('RESPONSE', 1, 3));
  assert.equal(total(sums('hubble_http_request_duration_seconds')), of('http_latency')['count'] ?? 0);
  assert.equal(nanoseconds(rows, 'hubble_http_request_duration_seconds'), of('http_latency')['sum_ns'] ?? 0);
  assert.equal(
    total(sums('hubble_l7_denied_total')),
    total(filteredBy(httpOf('REQUEST', 4), (key) => key === 'DROPPED')),
  );

  const grpc = total(filtered(of('grpc'), 'REQUEST|'));
  assert.equal(total(sums('hubble_grpc_requests_total')), grpc);
  assert.equal(total(sums('hubble_grpc_responses_total')), grpc);
  assert.equal(nanoseconds(rows, 'hubble_grpc_request_duration_seconds'), fed['grpc_latency']?.['sum_ns'] ?? 0);
  assert.equal(total(sums('hubble_service_requests_total')), total(httpOf('REQUEST', 1)));
  assert.equal(nanoseconds(rows, 'hubble_service_request_duration_seconds'), of('http_latency')['sum_ns'] ?? 0);

  assert.deepEqual(
    keysMapped(sums('hubble_dns_responses_total', 'qtype', 'rcode'), (key) => key),
    dnsOf(of('dns'), 'RESPONSE'),
  );
  assert.deepEqual(
    keysMapped(sums('hubble_dns_queries_total', 'qtype'), (key) => `${key}|NOERROR`),
    dnsOf(of('dns'), 'REQUEST'),
  );
  assert.deepEqual(
    keysMapped(sums('hubble_kafka_requests_total', 'api_key', 'topic'), (key) => `REQUEST|${key}|err=0`),
    filtered(of('kafka'), 'REQUEST|'),
  );
  assert.deepEqual(
    keysMapped(sums('hubble_kafka_responses_total', 'api_key', 'topic', 'error_code'), (key) =>
      key.replace(/^(.*)\|(\d+)$/, 'RESPONSE|$1|err=$2'),
    ),
    filtered(of('kafka'), 'RESPONSE|'),
  );
  assert.deepEqual(
    keysMapped(sums('hubble_lost_events_total', 'source'), (key) => key.toUpperCase()),
    of('lost_event'),
  );
  await until(
    () => follower.logs.items === of('total')['flows'],
    () => `${follower.logs.items} log records`,
  );
}

const MATCHES = ['none', 'l3-only', 'l3-l4', 'l4-only', 'all'];
const ACTIONS: Readonly<Record<string, string>> = {
  FORWARDED: 'ALLOWED',
  REDIRECTED: 'ALLOWED',
  DROPPED: 'DENIED',
  AUDIT: 'AUDIT',
};

function policyOf(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return keysMapped(counts, (key) => {
    const [direction, verdict, match] = key.split('|') as [string, string, string];
    return `${direction.toLowerCase()}|${ACTIONS[verdict]}|${MATCHES[Number(match.replace('match=', ''))]}`;
  });
}

function dnsOf(counts: Readonly<Record<string, number>>, type: string): Readonly<Record<string, number>> {
  return keysMapped(filtered(counts, `${type}|`), (key) => {
    const [, qtype, rcode] = key.split('|');
    return `${qtype}|${rcode === 'rcode=3' ? 'NXDOMAIN' : 'NOERROR'}`;
  });
}

function filtered(
  counts: Readonly<Record<string, number>> | undefined,
  prefix: string,
): Readonly<Record<string, number>> {
  return filteredBy(counts ?? {}, (key) => key.startsWith(prefix));
}

function filteredBy(
  counts: Readonly<Record<string, number>>,
  keep: (key: string) => boolean,
): Readonly<Record<string, number>> {
  return sorted(Object.fromEntries(Object.entries(counts).filter(([key]) => keep(key))));
}

function keysMapped(
  counts: Readonly<Record<string, number>>,
  map: (key: string) => string,
  keep: (key: string) => boolean = () => true,
): Readonly<Record<string, number>> {
  const mapped: Record<string, number> = {};
  for (const [key, count] of Object.entries(counts)) {
    if (keep(key)) mapped[map(key)] = (mapped[map(key)] ?? 0) + count;
  }
  return sorted(mapped);
}

function sorted(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).sort());
}

/** Sums of durations are printed in s: back to the ns that were added up. */
function nanoseconds(rows: Parameters<typeof totalOf>[0], metric: string): number {
  return Math.round(totalOf(rows, metric) * 1e9);
}

function seriesOf(name: string, labels: readonly (readonly [string, string])[]): string {
  const shown = labels.filter(([, value]) => value !== '').map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${name}{${shown.sort().join(',')}}`;
}

function add(counts: Map<string, number>, key: string, value: number): void {
  counts.set(key, (counts.get(key) ?? 0) + value);
}

function rounded(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return sorted(Object.fromEntries(Array.from(counts, ([key, value]) => [key, Math.round(value * 1e9) / 1e9])));
}

/** Counters and histograms of Hubble on a page of Prometheus, without buckets. */
function upstreamSeries(page: string): ReadonlyMap<string, number> {
  const series = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, name, labels = '', value] = /^(hubble_\w+?)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || name.endsWith('_bucket') || name === 'hubble_lost_events_total') continue;
    const pairs = Array.from(
      labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g),
      ([, label, text]) => [label!, text!] as const,
    );
    const [, histogram, part] = /^(.*_seconds)_(sum|count)$/.exec(name) ?? [];
    add(
      series,
      histogram === undefined ? seriesOf(name, pairs) : `${seriesOf(histogram, pairs)} ${part}`,
      Number(value),
    );
  }
  return series;
}

/** A way to a server that can be cut. */
class Cut {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  static async to(target: string): Promise<Cut> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const cut = new Cut(server, `127.0.0.1:${(server.address() as { port: number }).port}`);
    server.on('connection', (socket) => {
      if (cut.#isCut) {
        socket.destroy();
        return;
      }
      const upstream = connect(Number(target.split(':')[1]), '127.0.0.1');
      for (const end of [socket, upstream]) {
        cut.#sockets.add(end);
        end.on('error', () => {});
        end.on('close', () => {
          cut.#sockets.delete(end);
          socket.destroy();
          upstream.destroy();
        });
      }
      socket.pipe(upstream).pipe(socket);
    });
    return cut;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
  }
}
