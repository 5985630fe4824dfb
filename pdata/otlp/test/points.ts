import { otlpToJson } from '../json-encode.ts';
import { REQUESTS } from '../json-table.ts';
import { unknownBelow } from './unknown-fields.ts';

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
  const found = unknownBelow(REQUESTS.metrics, request, {
    isItem: (name) => name.endsWith('DataPoint'),
    isHolder: (name) => HOLDERS.has(name),
  });
  return [...new Set(found)].sort();
}

const HOLDERS: ReadonlySet<string> = new Set([
  ...['ResourceMetrics', 'ScopeMetrics', 'Metric', 'Gauge', 'Sum', 'Histogram', 'ExponentialHistogram', 'Summary'],
]);
