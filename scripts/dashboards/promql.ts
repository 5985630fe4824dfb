import type { KnownMetric } from './registry.ts';

/** Which series count: labels, each with the operator and the value, such as `=~"5.."`. */
export type Where = Readonly<Record<string, string>>;

/** Sum of a counter's rates by these labels. Throws for a label that the metric does not have. */
export function rate(metric: KnownMetric, by: readonly string[] = [], where: Where = {}): string {
  return `sum${grouping(metric, by)} (rate(${selector(metric, metric.name, where)}[$__rate_interval]))`;
}

/** The highest so many rates. */
export function topRates(count: number, metric: KnownMetric, by: readonly string[], where: Where = {}): string {
  return `topk(${count}, ${rate(metric, by, where)})`;
}

/** Sum of a gauge by these labels. */
export function total(metric: KnownMetric, by: readonly string[] = [], where: Where = {}): string {
  return `sum${grouping(metric, by)} (${selector(metric, metric.name, where)})`;
}

/** A quantile of a histogram, 0 to 1. */
export function quantile(q: number, metric: KnownMetric, by: readonly string[] = [], where: Where = {}): string {
  const buckets = { ...metric, labels: new Set([...metric.labels, 'le']) };
  const series = selector(metric, `${metric.name}_bucket`, where);
  return `histogram_quantile(${q}, sum${grouping(buckets, ['le', ...by])} (rate(${series}[$__rate_interval])))`;
}

/** One rate as a share of another, 0 to 1; nothing where there is nothing. */
export function share(part: string, whole: string): string {
  return `${part} / (${whole} > 0)`;
}

/** Zero where there is nothing: for sums over series that come with the first event. */
export function orZero(expression: string): string {
  return `${expression} or vector(0)`;
}

function selector(metric: KnownMetric, name: string, where: Where): string {
  for (const label of Object.keys(where)) check(metric, label);
  const matchers = Object.entries(where).map(([label, match]) => `${label}${match}`);
  return matchers.length === 0 ? name : `${name}{${matchers.join(', ')}}`;
}

function grouping(metric: KnownMetric, by: readonly string[]): string {
  for (const label of by) check(metric, label);
  return by.length === 0 ? '' : ` by (${by.join(', ')})`;
}

function check({ name, labels }: KnownMetric, label: string): void {
  if (labels.has(label) || TARGET_LABELS.has(label)) return;
  throw new Error(`${name} has no label ${label}; it has ${[...labels].join(', ')}.`);
}

/** Those that Prometheus gives the series of each target. */
export const TARGET_LABELS: ReadonlySet<string> = new Set(['job', 'instance']);
