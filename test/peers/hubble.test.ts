import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Follower, sumsOf } from './hubble-follower.ts';
import { HubbleServer } from './hubble-server.ts';
import { compare, filtered, keysMapped, sorted } from './hubble-truth.ts';
import { temporaryFolder } from './program.ts';
import { isFull, missing } from './programs.ts';

const skip = missing('hubble-server');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const rounds = isFull ? 1000 : 80;

describe("the hubble receiver counts what Cilium's server has fed", { skip }, () => {
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
    const options = {
      dns_query_label: true,
      context: {
        labels: ['source_workload', 'destination_namespace', 'traffic_direction'],
        source: ['pod', 'dns', 'ip'],
      },
    };
    const { own, stats } = await sameAsCilium(metrics, options);
    // A lost event is one for Cilium's metric, whatever it says it has lost: here 7 each.
    const lost = 'hubble_lost_events_total{source="perf_event_ring_buffer"}';
    assert.equal(own.get(lost), stats.fed['lost']!['PERF_EVENT_RING_BUFFER']);
    assert.ok(own.size > 50);
  });

  const ofCilium: Readonly<Record<string, readonly [metrics: string, options: Readonly<Record<string, unknown>>]>> = {
    'dns:ignoreAAAA': ['dns:ignoreAAAA', { dns: ['ignoreAAAA'] }],
    'dns:query;ignoreAAAA': ['dns:query;ignoreAAAA', { dns: ['query', 'ignoreAAAA'] }],
    'flows-to-world:any-drop': ['flows-to-world:any-drop', { flows_to_world: ['any-drop'] }],
    'flows-to-world:port': ['flows-to-world:port', { flows_to_world: ['port'] }],
    'flows-to-world:syn-only': ['flows-to-world:syn-only', { flows_to_world: ['syn-only'] }],
    'flows-to-world:any-drop;port;syn-only': [
      'flows-to-world:any-drop;port;syn-only',
      { flows_to_world: ['any-drop', 'port', 'syn-only'] },
    ],
  };
  for (const [name, [metrics, upstream]] of Object.entries(ofCilium)) {
    test(`under the names of Cilium, with its options ${name}`, async () => {
      const only = metrics.startsWith('dns') ? /^hubble_dns_/ : /^hubble_flows_to_world_total/;
      const { own } = await sameAsCilium(metrics, { upstream_options: upstream }, only);
      assert.ok([...own.keys()].some((series) => only.test(series)));
    });
  }
});

/** Follows the flows of a server that makes Cilium's own metrics of them, and compares both. */
async function sameAsCilium(metrics: string, options: Readonly<Record<string, unknown>>, only = /./) {
  await using server = await HubbleServer.start({ folder: folder.path, ring: 65_535, metrics });
  await using follower = new Follower({
    endpoint: server.plain,
    hubble_tls_enabled: false,
    names: 'hubble_upstream',
    ...options,
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
  const compared = new Map(
    [...own].filter(
      ([series]) => only.test(series) && series.startsWith('hubble_') && !series.includes('_lost_events_'),
    ),
  );
  assert.ok(theirs.size > 0);
  assert.deepEqual(rounded(compared), rounded(theirs));
  return { own, stats };
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
