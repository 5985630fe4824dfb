const BUDGETS: ReadonlySet<string> = new Set([
  'max_series',
  'max_series_per_resource',
  'max_total_series',
  'max_values',
]);

/** A validated configuration of `cardinality_limit` with half of each budget, at least one. */
export function halved<T>(config: T): T {
  return halvedAt(config, '', '') as T;
}

function halvedAt(value: unknown, key: string, parent: string): unknown {
  if (typeof value === 'number') {
    return BUDGETS.has(key) || parent === 'attributes' ? Math.max(Math.min(value, 1), Math.floor(value / 2)) : value;
  }
  if (Array.isArray(value)) return value.map((item) => halvedAt(item, '', key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, halvedAt(item, name, key)]));
}
