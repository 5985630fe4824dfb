/** What `bpflow explain` asks a component for: series of a metric, under its own name or that of a page. */
export interface ExplainQuery {
  readonly metric: string;
  /** Other names of it that components before have told. */
  readonly names: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What a component answers: one block of facts for each series. A component publishes it as the view `explain`, which is asked
 * with `metric`, `names` and `labels` (JSON) in its query; see {@link explainQuery}.
 */
export interface Explanation {
  /** Whether the component has anything to do with the metric. */
  readonly known: boolean;
  /** Why it is not there, or not exact; empty otherwise. */
  readonly reason: string;
  /** Names that others may know the metric by. */
  readonly names: readonly string[];
  /** Facts about the metric: name and text, in order. */
  readonly facts: readonly (readonly [string, string])[];
  readonly series: readonly ExplainedSeries[];
  /** Series that match beyond those that are listed. */
  readonly more: number;
}

export interface ExplainedSeries {
  /** As it is printed: `name{label="value"}`. */
  readonly series: string;
  readonly facts: readonly (readonly [string, string])[];
}

/** The question in a view's query. Throws a TypeError when it is none. */
export function explainQuery(query: Readonly<Record<string, string>>): ExplainQuery {
  const { metric, labels = '{}', names = '[]' } = query;
  if (metric === undefined || metric === '') throw new TypeError('the view explain needs ?metric=<name>.');
  const wanted: unknown = JSON.parse(labels);
  const others: unknown = JSON.parse(names);
  const entries = typeof wanted === 'object' && wanted !== null ? Object.entries(wanted) : [];
  return {
    metric,
    names: Array.isArray(others) ? others.map(String) : [],
    labels: Object.fromEntries(entries.map(([key, value]) => [key, String(value)])),
  };
}
