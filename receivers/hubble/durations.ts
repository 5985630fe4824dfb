import type { Flow } from './flow.ts';
import type { FlowReader } from './flow-reader.ts';
import type { PendingHistogram } from './pending-metrics.ts';

/** Adds the latency of an answer, where the agent could tell it. It leads to its trace where the flow carries one. */
export function addLatency(
  metric: PendingHistogram,
  context: number,
  packed: number,
  flow: Flow,
  reader: FlowReader,
  weight: number,
): void {
  if (flow.latency <= 0) return;
  const series = metric.add(context, packed, flow.latency, weight);
  if (flow.traceId.end - flow.traceId.start !== 32) return;
  const traceId = Buffer.from(reader.text(flow.traceId), 'hex');
  if (traceId.length !== 16) return;
  metric.sample(series, () => ({
    time: BigInt(flow.seconds) * 1_000_000_000n + BigInt(flow.nanos),
    value: flow.latency,
    traceId,
  }));
}
