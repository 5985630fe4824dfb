export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** `median [min-max]` with the given decimals. */
export function spread(values: readonly number[], decimals = 1): string {
  if (values.length === 0) return '-';
  const f = (value: number) => value.toFixed(decimals);
  return `${f(median(values))} [${f(Math.min(...values))}-${f(Math.max(...values))}]`;
}
