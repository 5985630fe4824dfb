import assert from 'node:assert/strict';
import { type Follower, sumsOf, totalOf } from './hubble-follower.ts';
import type { HubbleStats } from './hubble-server.ts';
import { until } from './program.ts';

/** Every counter and histogram against what was fed. */
export async function compare(follower: Follower, { decoded, fed }: HubbleStats): Promise<void> {
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

  const errors = total(filteredBy(httpOf('RESPONSE', 3), (status) => Number(status) >= 500));
  const failed = sums('traces_service_graph_request_failed_total', 'connection_type');
  assert.equal(failed['http'] ?? 0, errors);
  assert.equal(total(sums('hubble_service_errors_total')), total(failed));
  for (const side of ['client', 'server']) {
    const edges = `traces_service_graph_request_${side}_seconds`;
    assert.equal(total(sums(edges)), fed['edge_latency']?.[`${side}_count`] ?? 0);
    assert.equal(nanoseconds(rows, edges), fed['edge_latency']?.[`${side}_sum_ns`] ?? 0);
  }

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

/** What two servers fed together. */
export function summed(a: HubbleStats, b: HubbleStats): HubbleStats {
  type Groups = HubbleStats['fed'];
  const add = (one: Groups, two: Groups): Groups => {
    const sums: Record<string, Record<string, number>> = structuredClone(one);
    for (const [group, counts] of Object.entries(two)) {
      sums[group] ??= {};
      for (const [key, count] of Object.entries(counts)) sums[group][key] = (sums[group][key] ?? 0) + count;
    }
    return sums;
  };
  return { fed: add(a.fed, b.fed), decoded: add(a.decoded, b.decoded), grpc: {} };
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

export function filtered(
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

export function keysMapped(
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

export function sorted(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).sort());
}

/** Sums of durations are printed in s: back to the ns that were added up. */
function nanoseconds(rows: Parameters<typeof totalOf>[0], metric: string): number {
  return Math.round(totalOf(rows, metric) * 1e9);
}
