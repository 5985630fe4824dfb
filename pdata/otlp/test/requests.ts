import type { Signal } from '../../signals.ts';
import { otlpToJson } from '../json-encode.ts';
import { REQUESTS } from '../json-table.ts';
import { unknownBelow } from './unknown-fields.ts';

type Tree = { readonly [key: string]: unknown };

/** A request as OTLP/JSON has it, without `ResourceLogs` and `ScopeLogs` that hold no item: batches have no place for those. */
export function content(signal: Signal, request: Uint8Array): Tree {
  const document = JSON.parse(new TextDecoder().decode(otlpToJson(signal, request))) as Tree;
  const [resources, scopes, items] = NAMES[signal];
  const list = (tree: Tree, key: string): readonly Tree[] => (tree[key] ?? []) as readonly Tree[];
  return {
    ...document,
    [resources]: list(document, resources)
      .map((entry) => ({ ...entry, [scopes]: list(entry, scopes).filter((scope) => list(scope, items).length > 0) }))
      .filter((entry) => list(entry, scopes).length > 0),
  };
}

/** All items of a request, in order. */
export function items(signal: Signal, request: Uint8Array): readonly Tree[] {
  const [resources, scopes, own] = NAMES[signal];
  const list = (tree: Tree, key: string): readonly Tree[] => (tree[key] ?? []) as readonly Tree[];
  return list(content(signal, request), resources).flatMap((entry) =>
    list(entry, scopes).flatMap((scope) => list(scope, own)),
  );
}

const NAMES: { readonly [S in Signal]: readonly [string, string, string] } = {
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  profiles: ['resourceProfiles', 'scopeProfiles', 'profiles'],
};

/**
 * Fields that OTLP does not know, with the message they are in; those of the request itself, and of `ResourceLogs` and
 * `ScopeLogs` that hold no item, are left out: batches have no place for them.
 */
export function unknownFields(signal: Signal, request: Uint8Array): readonly string[] {
  return unknownBelow(REQUESTS[signal], request, {
    isItem: (name) => name === 'LogRecord' || name === 'Span',
    isHolder: (name) => /^(Resource|Scope)(Logs|Spans)$/.test(name),
  });
}

/** The request with something broken: cut off, bytes changed, a length made huge. */
export function damaged(request: Uint8Array, dice: { below(limit: number): number }): Uint8Array {
  const bytes = request.slice();
  if (bytes.length === 0) return bytes;
  switch (dice.below(3)) {
    case 0:
      return bytes.subarray(0, dice.below(bytes.length));
    case 1:
      for (let flips = 1 + dice.below(4); flips > 0; flips--) bytes[dice.below(bytes.length)] = dice.below(256);
      return bytes;
    default: {
      const at = dice.below(bytes.length);
      bytes.set([0xff, 0xff, 0xff, 0xff, 0x0f].slice(0, bytes.length - at), at);
      return bytes;
    }
  }
}
