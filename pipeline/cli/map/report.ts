import type { ServiceMapEdge, ServiceMapView } from '../../../sdk/service-map.ts';
import { mergedLatency, quantileOf } from './latency.ts';

/** An edge, with what its latencies come to. */
export interface ReportEdge extends ServiceMapEdge {
  readonly meanSeconds?: number;
  /** Interpolated in its bucket, as Prometheus does. */
  readonly p95Seconds?: number;
}

/** The maps of an agent's components as one. */
export interface ServiceMapReport {
  /** What the rates are over. */
  readonly seconds: number;
  /** By name of client, server and type. */
  readonly edges: readonly ReportEdge[];
  /** Requests between services that found no room. */
  readonly overflow: number;
  /** Components that have no map, with the reason. */
  readonly unavailable: Readonly<Record<string, string>>;
}

/** Puts maps together, by component: edges of the same ends and type are one. */
export function mapReport(maps: Readonly<Record<string, ServiceMapView>>): ServiceMapReport {
  const edges = new Map<string, ServiceMapEdge>();
  for (const view of Object.values(maps)) {
    for (const edge of view.edges) {
      const name = JSON.stringify([edge.client, edge.server, edge.type]);
      const known = edges.get(name);
      edges.set(name, known === undefined ? edge : sumOf(known, edge));
    }
  }
  const views = Object.values(maps);
  return {
    seconds: Math.max(0, ...views.map(({ seconds }) => seconds)),
    edges: [...edges].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, edge]) => withLatency(edge)),
    overflow: views.reduce((sum, { overflow }) => sum + overflow, 0),
    unavailable: Object.fromEntries(
      Object.entries(maps).flatMap(([id, { unavailable }]) => (unavailable === undefined ? [] : [[id, unavailable]])),
    ),
  };
}

function sumOf(a: ServiceMapEdge, b: ServiceMapEdge): ServiceMapEdge {
  return {
    ...a,
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    requestsPerSecond: a.requestsPerSecond + b.requestsPerSecond,
    failedPerSecond: a.failedPerSecond + b.failedPerSecond,
    ...mergedLatency(a.latency, b.latency),
  };
}

function withLatency(edge: ServiceMapEdge): ReportEdge {
  const { latency } = edge;
  if (latency === undefined) return edge;
  return { ...edge, meanSeconds: latency.seconds / latency.answers, p95Seconds: quantileOf(latency, 0.95) };
}

export interface MapNode {
  readonly name: string;
  /** Empty where it has none. */
  readonly namespace: string;
}

/** The services of a map by their full names, in order, under ids that every language takes. */
export function nodesOf({ edges }: ServiceMapReport): ReadonlyMap<string, MapNode & { readonly id: string }> {
  const names = [...new Set(edges.flatMap(({ client, server }) => [client, server]))].sort();
  return new Map(
    names.map((full, i) => {
      const slash = full.indexOf('/');
      return [full, { id: `n${i}`, namespace: slash < 0 ? '' : full.slice(0, slash), name: full.slice(slash + 1) }];
    }),
  );
}

/** The nodes by namespace; those without one last. */
export function byNamespace<T extends MapNode>(nodes: Iterable<T>): readonly (readonly [string, readonly T[]])[] {
  const groups = Map.groupBy(nodes, ({ namespace }) => namespace);
  return [...groups].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1));
}

/** `http 12.3/s, 4 % failed, p95 120 ms`. */
export function labelOf(edge: ReportEdge): string {
  const share = failedShare(edge);
  const parts = [`${edge.type} ${short(edge.requestsPerSecond)}/s`];
  if (share > 0) parts.push(`${short(share * 100)} % failed`);
  if (edge.p95Seconds !== undefined) parts.push(`p95 ${short(edge.p95Seconds * 1000)} ms`);
  return parts.join(', ');
}

/** Share of the requests that failed, 0 to 1: of the last while, or since the start where nothing came lately. */
export function failedShare({ requests, failed, requestsPerSecond, failedPerSecond }: ServiceMapEdge): number {
  const [all, wrong] = requestsPerSecond > 0 ? [requestsPerSecond, failedPerSecond] : [requests, failed];
  return wrong <= 0 ? 0 : all <= wrong ? 1 : wrong / all;
}

/** At most three digits that count. */
export function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
