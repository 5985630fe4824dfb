import { type Assembly, allOf } from './assembly.ts';

/** What a reload did, as keys of component instances: `exporter/otlp/2`, `processor/batch@metrics`. */
export interface Difference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly kept: readonly string[];
}

export function difference(before: Assembly, after: Assembly): Difference {
  const old = new Map(allOf(before).map((node) => [node.key, node]));
  const now = new Map(allOf(after).map((node) => [node.key, node]));
  const both = [...now.keys()].filter((key) => old.has(key));
  return {
    added: [...now.keys()].filter((key) => !old.has(key)),
    removed: [...old.keys()].filter((key) => !now.has(key)),
    changed: both.filter((key) => old.get(key) !== now.get(key)),
    kept: both.filter((key) => old.get(key) === now.get(key)),
  };
}
