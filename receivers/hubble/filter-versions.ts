import type { FlowFilter } from './filters.ts';

/** The minor version of Cilium 1 that knows a filter first, where 1.12 does not. Read out of flow.proto of 1.12 to 1.20 but 1.17. */
const SINCE: Partial<Record<keyof FlowFilter, number>> = {
  source_workload: 13,
  destination_workload: 13,
  trace_id: 13,
  uuid: 14,
  traffic_direction: 14,
  http_url: 15,
  http_header: 15,
  drop_reason_desc: 16,
  source_ip_xlated: 16,
  node_labels: 16,
  cel_expression: 16,
  source_cluster_name: 18,
  destination_cluster_name: 18,
  ip_trace_id: 19,
  encrypted: 19,
};

/**
 * The filters of a request that a server of this version does not know: it passes over them, as if they were not there. Empty where the
 * version says nothing.
 */
export function unknownFilters(filters: readonly FlowFilter[], version: string): readonly string[] {
  const [, minor] = /(?:^|[^\d.])1\.(\d+)\./.exec(version) ?? [];
  if (minor === undefined) return [];
  const used = new Set(filters.flatMap((filter) => Object.keys(filter) as (keyof FlowFilter)[]));
  return [...used].filter((name) => (SINCE[name] ?? 0) > Number(minor)).sort();
}
