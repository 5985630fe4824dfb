import {
  type Metric,
  type PrometheusType,
  present,
  prometheusLabelName,
  prometheusMetricName,
  type TranslationStrategy,
  underscoreEscape,
} from 'bpflow/sdk';

/** What decides the names on the page. */
export interface NamingRules {
  /** Names of our own metrics; foreign ones are always translated. */
  readonly names: 'seed' | 'otel';
  readonly strategy: TranslationStrategy;
  /** Prefix of every name; empty for none. */
  readonly namespace: string;
}

/** A metric as Prometheus knows it. */
export interface FamilyDescription {
  /** The name every scraper can read, and the family's identity. */
  readonly name: string;
  /** The name for scrapers that read UTF-8, where it differs. */
  readonly utf8Name: string | undefined;
  readonly type: PrometheusType;
  readonly help: string;
  /** Whether the series carry the short labels of our own profile instead of the Collector's. */
  readonly seed: boolean;
  /** What is printed is what is carried times this; see {@link scale} for the exact number. */
  readonly factor: number;
  scale(value: number): number;
  /** Label name for an attribute key. */
  label(key: string): string;
}

/** Names, type and unit of a metric on the page. */
export function describeFamily(metric: Metric, rules: NamingRules): FamilyDescription {
  const type = prometheusType(metric);
  if (metric.definition !== undefined && rules.names === 'seed') return describeSeed(metric, type, rules);
  const shown = present(metric, 'otel');
  const ratio = metric.kind === 'gauge';
  const namespace =
    rules.namespace === '' || keepsUtf8(rules.strategy) ? rules.namespace : underscoreEscape(rules.namespace);
  const name = prometheusMetricName({ name: shown.name, unit: shown.unit, type, ratio, namespace }, rules.strategy);
  const escaped = underscoreEscape(name);
  return {
    name: escaped,
    utf8Name: escaped === name ? undefined : name,
    type,
    help: shown.description,
    seed: false,
    factor: shown.factor,
    scale: shown.scale,
    label: prometheusLabelName,
  };
}

/** Whether names and labels keep every character, for scrapers that can read them. */
export function keepsUtf8(strategy: TranslationStrategy): boolean {
  return strategy === 'NoUTF8EscapingWithSuffixes' || strategy === 'NoTranslation';
}

function describeSeed(metric: Metric, type: PrometheusType, rules: NamingRules): FamilyDescription {
  const shown = present(metric, 'seed');
  return {
    name: underscoreEscape(rules.namespace === '' ? shown.name : `${rules.namespace}_${shown.name}`),
    utf8Name: undefined,
    type,
    help: shown.description,
    seed: true,
    factor: shown.factor,
    scale: shown.scale,
    label: (key) => prometheusLabelName(shown.label(key)),
  };
}

function prometheusType(metric: Metric): PrometheusType {
  switch (metric.kind) {
    case 'gauge':
      return 'gauge';
    case 'sum':
      return metric.monotonic ? 'counter' : 'gauge';
    case 'histogram':
    case 'exponential_histogram':
      return 'histogram';
    case 'summary':
      return 'summary';
    default:
      return metric satisfies never;
  }
}
