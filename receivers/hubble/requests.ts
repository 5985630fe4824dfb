import { WireWriter } from 'bpflow/sdk';
import { encodeFlowFilter, type FlowFilter, number } from './filters.ts';

/** A moment, as protobuf has it. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** What is asked of `GetFlows`, besides to follow. */
export interface FlowsRequest {
  readonly whitelist: readonly FlowFilter[];
  readonly blacklist: readonly FlowFilter[];
  /** Flows from then on, as far as the ring remembers; else from now on. */
  readonly since?: Timestamp | undefined;
  /** Only these fields. Empty: all. */
  readonly fieldMask: readonly string[];
}

/** GetFlowsRequest: 3 follow, 5 blacklist, 6 whitelist, 7 since { 1 seconds, 2 nanos }, 10 field_mask { 1 paths }. */
export function encodeFlowsRequest({ whitelist, blacklist, since, fieldMask }: FlowsRequest): Uint8Array {
  const writer = new WireWriter();
  number(writer, 3, 1);
  for (const filter of blacklist) writer.bytes(5, encodeFlowFilter(filter));
  for (const filter of whitelist) writer.bytes(6, encodeFlowFilter(filter));
  if (since !== undefined) {
    const mark = writer.begin(7);
    number(writer, 1, since.seconds);
    number(writer, 2, since.nanos);
    writer.end(mark);
  }
  if (fieldMask.length > 0) {
    const mark = writer.begin(10);
    for (const path of fieldMask) writer.string(1, path);
    writer.end(mark);
  }
  return writer.take();
}

/** The fields that the metrics and logs of this receiver need. */
export const NEEDED_FIELDS: readonly string[] = [
  'time',
  'uuid',
  'verdict',
  'IP.source',
  'IP.destination',
  'IP.ipVersion',
  'l4',
  'source.identity',
  'source.namespace',
  'source.labels',
  'source.pod_name',
  'source.workloads',
  'source.cluster_name',
  'destination.identity',
  'destination.namespace',
  'destination.labels',
  'destination.pod_name',
  'destination.workloads',
  'destination.cluster_name',
  'Type',
  'node_name',
  'source_names',
  'destination_names',
  'l7',
  'event_type',
  'source_service',
  'destination_service',
  'traffic_direction',
  'policy_match_type',
  'trace_observation_point',
  'trace_reason',
  'drop_reason_desc',
  'is_reply',
  'trace_context',
];
