import { otlpToJson } from '../json-encode.ts';
import { type MessageTable, REQUESTS } from '../json-table.ts';
import { WireReader } from '../wire.ts';

type Tree = { readonly [key: string]: unknown };

/** Every data point of a request as OTLP/JSON has it, with everything it belongs to, sorted: what must not change on the way. */
export function sentPoints(request: Uint8Array): readonly string[] {
  return flatten(request)
    .map(({ owner, metric, point }) => JSON.stringify([owner, metric, point]))
    .sort();
}

/** The points alone, sorted, their attributes apart. */
export function bareAttributes(
  request: Uint8Array,
): readonly { readonly attributes: readonly Tree[]; readonly rest: string }[] {
  return flatten(request)
    .map(({ metric, point: { attributes, ...rest } }) => ({
      attributes: list(attributes),
      rest: JSON.stringify([metric, rest]),
    }))
    .sort((a, b) => (a.rest < b.rest ? -1 : 1));
}

function flatten(request: Uint8Array): { owner: unknown; metric: Tree; point: Tree }[] {
  const document = JSON.parse(new TextDecoder().decode(otlpToJson('metrics', request))) as Tree;
  const points: { owner: unknown; metric: Tree; point: Tree }[] = [];
  for (const { scopeMetrics, ...outer } of list(document['resourceMetrics'])) {
    for (const { metrics, ...inner } of list(scopeMetrics)) {
      for (const one of list(metrics)) {
        const { gauge, sum, histogram, exponentialHistogram, summary, ...metric } = one;
        for (const [kind, data] of Object.entries({ gauge, sum, histogram, exponentialHistogram, summary })) {
          if (data === undefined) continue;
          const { dataPoints, ...shared } = data as Tree;
          for (const point of list(dataPoints)) {
            points.push({ owner: [outer, inner], metric: { ...metric, kind, shared }, point });
          }
        }
      }
    }
  }
  return points;
}

function list(value: unknown): readonly Tree[] {
  return (value ?? []) as readonly Tree[];
}

/**
 * Fields that OTLP does not know, with the message they are in, sorted, each once. Left out are those of the request itself and of
 * messages that hold no point: batches have no place for them.
 */
export function unknownInPoints(request: Uint8Array): readonly string[] {
  return [...new Set(walk(REQUESTS.metrics, request).unknown)].sort();
}

const HOLDERS: ReadonlySet<string> = new Set([
  ...['ResourceMetrics', 'ScopeMetrics', 'Metric', 'Gauge', 'Sum', 'Histogram', 'ExponentialHistogram', 'Summary'],
]);

function walk(table: MessageTable, bytes: Uint8Array): { readonly items: number; readonly unknown: readonly string[] } {
  const reader = new WireReader(bytes);
  const own: string[] = [];
  const inner: string[] = [];
  let items = table.name.endsWith('DataPoint') ? 1 : 0;
  while (!reader.done) {
    const start = reader.position;
    const tag = reader.tag();
    const field = table.fields[table.slots[tag >>> 3] ?? -1];
    if (field === undefined) {
      reader.skip(tag);
      own.push(`${table.name} ${Buffer.from(bytes.subarray(start, reader.position)).toString('hex')}`);
    } else if (field.message === undefined) {
      reader.skip(tag);
    } else {
      const end = reader.delimited();
      const found = walk(field.message, bytes.subarray(reader.position, end));
      reader.position = end;
      items += found.items;
      inner.push(...found.unknown);
    }
  }
  if (table === REQUESTS.metrics) return { items, unknown: inner };
  return { items, unknown: HOLDERS.has(table.name) && items === 0 ? [] : [...own, ...inner] };
}
