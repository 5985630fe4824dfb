import { encodedBatch, encodedItems, encodedParts, isEncoded } from './encoded-batch.ts';
import type { LogBatch } from './logs.ts';
import { decodeLogs } from './otlp/logs-decode.ts';
import { replaceResources } from './otlp/row-envelope.ts';
import { decodeSpans } from './otlp/spans-decode.ts';
import { concatLogs } from './pick-logs.ts';
import { concatSpans } from './pick-spans.ts';
import type { Resource } from './series-table.ts';
import type { SpanBatch } from './traces.ts';

/**
 * The batch with each resource replaced by what `change` makes of it; itself when all stay the same objects. Of a batch that is
 * still the bytes it came in only the resources are exchanged: no record or span is looked at. `change` is called once for each
 * `ResourceLogs` or `ResourceSpans` that came.
 */
export function mapResources<B extends LogBatch | SpanBatch>(batch: B, change: (resource: Resource) => Resource): B {
  if (isEncoded(batch)) {
    const before = encodedParts(batch);
    const parts = before.map((part) => replaceResources(part, change));
    if (parts.every((part, i) => part === before[i])) return batch;
    const items = encodedItems(batch);
    return (
      batch.signal === 'logs'
        ? encodedBatch('logs', parts, items, () => concatLogs(parts.map(decodeLogs)))
        : encodedBatch('traces', parts, items, () => concatSpans(parts.map(decodeSpans)))
    ) as B;
  }
  const resources = batch.resources.map(change);
  return resources.every((resource, i) => resource === batch.resources[i]) ? batch : { ...batch, resources };
}
