/** Where a value was written. */
export interface Origin {
  /** File path as given, `env:NAME`, `yaml:`, or `--set`. */
  readonly source: string;
  /** From 1; 0 where the source has no lines. */
  readonly line: number;
  readonly column: number;
}

/** Configuration as it was written: values that know where they come from. */
export type Node = ScalarNode | MapNode | ListNode;

export type ScalarValue = string | number | bigint | boolean | null;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: ScalarValue;
  /** The characters behind `value`, where they were not quoted: a text field gets these (`0123`, not 83). */
  readonly text?: string;
  readonly origin: Origin;
}

export interface MapNode {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, Entry>;
  readonly origin: Origin;
}

export interface Entry {
  /** Where the key was written. */
  readonly origin: Origin;
  readonly value: Node;
}

export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly Node[];
  readonly origin: Origin;
}

/** The plain JavaScript value. */
export function toPlain(node: Node): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(toPlain);
    case 'map': {
      const object: Record<string, unknown> = Object.create(null);
      for (const [key, { value }] of node.entries) object[key] = toPlain(value);
      return { ...object };
    }
    default:
      return node satisfies never;
  }
}

/** The node at a path, or the deepest one on the way that exists. */
export function nodeAt(node: Node, path: readonly PropertyKey[]): Node {
  let at = node;
  for (const step of path) {
    const next =
      at.kind === 'map' ? at.entries.get(String(step))?.value : at.kind === 'list' ? at.items[Number(step)] : undefined;
    if (next === undefined) return at;
    at = next;
  }
  return at;
}

/** Maps are merged key by key, everything else is replaced. */
export function merge(under: Node, over: Node): Node {
  if (under.kind !== 'map' || over.kind !== 'map') return over;
  const entries = new Map(under.entries);
  for (const [key, entry] of over.entries) {
    const known = entries.get(key);
    entries.set(key, known === undefined ? entry : { origin: entry.origin, value: merge(known.value, entry.value) });
  }
  return { kind: 'map', entries, origin: under.entries.size === 0 ? over.origin : under.origin };
}

/** A map that holds one value below a path. */
export function nested(path: readonly string[], value: Node, origin: Origin): Node {
  return path.reduceRight<Node>(
    (inner, key) => ({ kind: 'map', entries: new Map([[key, { origin, value: inner }]]), origin }),
    value,
  );
}
