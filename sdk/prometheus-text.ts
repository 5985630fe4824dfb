/**
 * The Prometheus text formats' pure pieces: names, escapes, numbers. Used by the `prometheus` exporter and by the page
 * on which the agent tells of itself, so that both obey the same rules.
 *
 * Names follow the Collector's translation of OTLP names (OpenTelemetry specification, "Prometheus and OpenMetrics
 * Compatibility"); numbers follow Go's `strconv.FormatFloat(v, 'g', -1, 64)`, which every Prometheus client prints.
 */

/** What a metric is to Prometheus. */
export type PrometheusType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** How OTLP names become Prometheus names; the values of the Collector's `translation_strategy`. */
export type TranslationStrategy =
  | 'UnderscoreEscapingWithSuffixes'
  | 'UnderscoreEscapingWithoutSuffixes'
  | 'NoUTF8EscapingWithSuffixes'
  | 'NoTranslation';

export interface MetricNaming {
  /** OTLP name. */
  readonly name: string;
  /** UCUM unit; empty for none. */
  readonly unit: string;
  readonly type: PrometheusType;
  /** Whether the gauge is a real gauge: a non-monotonic sum is one to Prometheus, yet never a ratio. */
  readonly ratio?: boolean;
  /** Put before the name, with an underscore between. */
  readonly namespace?: string;
}

/** The metric's name under a strategy. Never empty: a name without any valid character becomes `_`. */
export function prometheusMetricName(metric: MetricNaming, strategy: TranslationStrategy): string {
  switch (strategy) {
    case 'UnderscoreEscapingWithSuffixes':
      return escapedNameWithSuffixes(metric);
    case 'UnderscoreEscapingWithoutSuffixes':
      return startable(joinNamespace(metric.namespace, tokens(metric.name, /[^a-zA-Z0-9:_]+/).join('_')));
    case 'NoUTF8EscapingWithSuffixes':
      return utf8NameWithSuffixes(metric);
    case 'NoTranslation':
      return joinNamespace(metric.namespace, metric.name) || '_';
  }
}

/** The label's name for an attribute key, for scrapers that know only `[a-zA-Z0-9_]`. Never empty, never starting with a digit or `__`. */
export function prometheusLabelName(key: string): string {
  const name = replaceInvalid(key, /[^a-zA-Z0-9_]/gu);
  if (name === '') return '_';
  if (/^[0-9]/.test(name)) return `key_${name}`;
  return name.startsWith('__') ? `key${name}` : name;
}

/** A UTF-8 name as an older scraper may read it: each character outside `[a-zA-Z0-9_:]` becomes an underscore. */
export function underscoreEscape(name: string): string {
  const escaped = replaceInvalid(name, /[^a-zA-Z0-9_:]/gu);
  return /^[0-9]/.test(escaped) ? `_${escaped}` : escaped || '_';
}

/** Whether a metric name needs no quotes. */
export function isLegacyMetricName(name: string): boolean {
  return /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
}

/** Whether a label name needs no quotes. */
export function isLegacyLabelName(name: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
}

/** Text for a `# HELP` line of the classic format: one line whatever is in it. */
export function escapeHelp(text: string): string {
  return /[\\\n]/.test(text) ? text.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\')) : text;
}

/** Text between the quotes of a label value; also for `# HELP` in OpenMetrics, which escapes quotes as well. */
export function escapeLabelValue(text: string): string {
  return /[\\\n"]/.test(text) ? text.replace(/[\\\n"]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)) : text;
}

/** A number as Go's `'g'` with the shortest digits prints it: `0.25`, `1.5e+06`, `NaN`, `+Inf`. */
export function formatFloat(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e-4 && size < 1e6) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  if (size === Number.POSITIVE_INFINITY) return value > 0 ? '+Inf' : '-Inf';
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** An integer with all its digits, never with an exponent. */
export function formatInteger(value: number | bigint): string {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value === 0 ? 0 : value);
  return Number.isInteger(value) ? String(BigInt(value)) : formatFloat(value);
}

/** A float as OpenMetrics wants it: like {@link formatFloat}, with `.0` where nothing else tells it from an integer. */
export function formatOpenMetricsFloat(value: number): string {
  const text = formatFloat(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

const UNITS: Readonly<Record<string, string>> = {
  // Time
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  // Bytes
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  // SI
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  // Others
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
};

const PER_UNITS: Readonly<Record<string, string>> = {
  s: 'second',
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  mo: 'month',
  y: 'year',
};

function escapedNameWithSuffixes({ name, unit, type, ratio, namespace }: MetricNaming): string {
  let words = tokens(name, /[^a-zA-Z0-9:]+/);
  const [main, per] = unitSuffixes(unit).map((suffix) => tokens(suffix, /[^a-zA-Z0-9:]+/).join('_')) as [
    string,
    string,
  ];
  if (main !== '' && !words.includes(main)) words.push(main);
  if (per !== '' && per !== 'per' && !words.includes(per)) words.push(per);
  if (type === 'counter') words = [...words.filter((word) => word !== 'total'), 'total'];
  if (isRatio({ unit, type, ratio })) words = [...words.filter((word) => word !== 'ratio'), 'ratio'];
  return startable(joinNamespace(namespace, words.join('_')));
}

function utf8NameWithSuffixes({ name, unit, type, ratio, namespace }: MetricNaming): string {
  let result = joinNamespace(namespace, name);
  const outer: string[] = [];
  const move = (suffix: string): void => {
    result = withoutSuffix(result, suffix);
    outer.unshift(suffix);
  };
  if (isRatio({ unit, type, ratio })) move('ratio');
  if (type === 'counter') move('total');
  const [main, per] = unitSuffixes(unit);
  if (per !== '') move(per);
  if (main !== '' && !result.endsWith(main)) result = `${result}_${main}`;
  return [result, ...outer].join('_');
}

/** Drops a suffix with the character before it. */
function withoutSuffix(name: string, suffix: string): string {
  return name.endsWith(suffix) && name.length > suffix.length + 1 ? name.slice(0, -(suffix.length + 1)) : name;
}

/** `By/s` → `bytes`, `per_second`. Annotations in braces count for nothing. */
function unitSuffixes(unit: string): [main: string, per: string] {
  const slash = unit.indexOf('/');
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim();
  const known = (text: string, names: Readonly<Record<string, string>>): string =>
    /[{}]/.test(text) ? '' : Object.hasOwn(names, text) ? names[text]! : text;
  const perName = known(per, PER_UNITS);
  return [known(main, UNITS), perName === '' ? '' : `per_${perName}`];
}

function isRatio({ unit, type, ratio }: { unit: string; type: PrometheusType; ratio: boolean | undefined }): boolean {
  return unit === '1' && type === 'gauge' && ratio !== false;
}

function joinNamespace(namespace: string | undefined, name: string): string {
  return namespace ? `${namespace}_${name}` : name;
}

function startable(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name || '_';
}

function tokens(text: string, separator: RegExp): string[] {
  return text.split(separator).filter((word) => word !== '');
}

function replaceInvalid(text: string, invalid: RegExp): string {
  return text.replace(invalid, '_');
}
