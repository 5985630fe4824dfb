import type { ConfigEntry, ConfigMap, ConfigNode, Origin } from './types.ts';

/** Lays one configuration over another: maps are merged at all levels, everything else is replaced. */
export function mergeMaps(base: ConfigMap, over: ConfigMap): ConfigMap {
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = entries.get(key)?.value;
    const merged = below?.kind === 'map' && entry.value.kind === 'map' ? mergeMaps(below, entry.value) : entry.value;
    entries.set(key, { key: entry.key, value: merged });
  }
  return { kind: 'map', entries, origin: base.origin };
}

/** Writes out keys of the root that are paths: `processors::batch::timeout: 2s`. */
export function splitRootKeys(root: ConfigMap): ConfigMap {
  if (![...root.entries.keys()].some((key) => key.includes('::'))) return root;
  const empty: ConfigMap = { ...root, entries: new Map() };
  return [...root.entries].reduce(
    (merged, [key, { key: origin, value }]) => mergeMaps(merged, mapAt(key.split('::'), value, origin)),
    empty,
  );
}

/** A map with one value below nested keys. */
export function mapAt(keys: readonly string[], value: ConfigNode, origin: Origin): ConfigMap {
  const [key = '', ...rest] = keys;
  const inner = rest.length === 0 ? value : mapAt(rest, value, origin);
  return { kind: 'map', entries: new Map<string, ConfigEntry>([[key, { key: origin, value: inner }]]), origin };
}
