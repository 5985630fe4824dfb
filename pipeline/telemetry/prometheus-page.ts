import type { Attributes } from '@opentelemetry/api';
import type { MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { escapeHelp, escapeLabelValue, formatFloat, prometheusLabelName } from '../../sdk/prometheus-text.ts';

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';

/** `DataPointType` of the SDK, whose values are not needed at run time otherwise. */
const HISTOGRAM = 0;
const EXPONENTIAL_HISTOGRAM = 1;
const SUM = 3;

/**
 * The agent's own metrics as the Collector prints its own: names without unit and type suffixes, no scope labels, the
 * resource only in `target_info`, families sorted by name, labels by name.
 */
export function renderPage({ resource, scopeMetrics }: ResourceMetrics): string {
  const families = new Map<string, { readonly head: string; readonly lines: string[] }>();
  for (const { metrics } of scopeMetrics) {
    for (const metric of metrics) {
      if (metric.dataPoints.length === 0) continue;
      const name = familyName(metric.descriptor.name);
      const family = families.get(name) ?? {
        head: header(name, metric.descriptor.description, typeOf(metric)),
        lines: [],
      };
      families.set(name, family);
      renderPoints(name, metric, family.lines);
    }
  }
  families.set('target_info', {
    head: header('target_info', 'Target metadata', 'gauge'),
    lines: [`target_info${labels(resource.attributes as Attributes)} 1\n`],
  });
  return [...families.keys()]
    .sort()
    .map((name) => families.get(name)!)
    .map(({ head, lines }) => head + lines.join(''))
    .join('');
}

function familyName(name: string): string {
  const valid = name.replace(/[^a-zA-Z0-9_:]/g, '_');
  return /^[0-9]/.test(valid) ? `_${valid}` : valid;
}

function header(name: string, description: string, type: string): string {
  return `# HELP ${name} ${escapeHelp(description)}\n# TYPE ${name} ${type}\n`;
}

function typeOf(metric: MetricData): 'counter' | 'gauge' | 'histogram' {
  if (metric.dataPointType === HISTOGRAM || metric.dataPointType === EXPONENTIAL_HISTOGRAM) return 'histogram';
  return metric.dataPointType === SUM && metric.isMonotonic ? 'counter' : 'gauge';
}

function renderPoints(name: string, metric: MetricData, lines: string[]): void {
  switch (metric.dataPointType) {
    case HISTOGRAM:
      for (const { attributes, value } of metric.dataPoints) {
        let cumulative = 0;
        for (const [i, count] of value.buckets.counts.entries()) {
          cumulative += count;
          const bound = value.buckets.boundaries[i];
          const le = bound === undefined ? '+Inf' : formatFloat(bound);
          lines.push(`${name}_bucket${labels(attributes, `le="${le}"`)} ${cumulative}\n`);
        }
        lines.push(`${name}_sum${labels(attributes)} ${formatFloat(value.sum ?? 0)}\n`);
        lines.push(`${name}_count${labels(attributes)} ${value.count}\n`);
      }
      break;
    case EXPONENTIAL_HISTOGRAM:
      for (const { attributes, value } of metric.dataPoints) {
        lines.push(`${name}_bucket${labels(attributes, 'le="+Inf"')} ${value.count}\n`);
        lines.push(`${name}_sum${labels(attributes)} ${formatFloat(value.sum ?? 0)}\n`);
        lines.push(`${name}_count${labels(attributes)} ${value.count}\n`);
      }
      break;
    default:
      for (const { attributes, value } of metric.dataPoints) {
        lines.push(`${name}${labels(attributes)} ${formatFloat(value as number)}\n`);
      }
  }
}

/** `{a="1",b="2"}`; empty without any. Attributes whose names become equal are joined with a semicolon. */
function labels(attributes: Attributes, last?: string): string {
  const byName = new Map<string, string>();
  for (const key of Object.keys(attributes).sort()) {
    const name = prometheusLabelName(key);
    const value = attributes[key];
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    const before = byName.get(name);
    byName.set(name, before === undefined ? text : `${before};${text}`);
  }
  const pairs = [...byName].map(([name, value]) => `${name}="${escapeLabelValue(value)}"`);
  if (last !== undefined) pairs.push(last);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
