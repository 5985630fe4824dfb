import { formatDuration } from '../../../sdk/config-types.ts';
import type { PipelineEstimate } from './report.ts';

/** Metrics of a pipeline that a terminal shows, and attributes of each. */
const TOP_METRICS = 50;
const TOP_ATTRIBUTES = 8;

const HEAD = ['', 'series', 'now', 'half', 'folded now', 'half'];

/** The estimates as tables: metrics, with the values of their attributes below. */
export function estimateText(pipelines: readonly PipelineEstimate[], ms: number): string {
  const parts = pipelines.map((pipeline) => pipelineText(pipeline, ms));
  return parts.length === 0 ? 'There is no pipeline of metrics.\n' : parts.join('\n');
}

function pipelineText({ pipeline, processor, points, series, metrics }: PipelineEstimate, ms: number): string {
  const rows = [
    HEAD,
    ...metrics
      .slice(0, TOP_METRICS)
      .flatMap((metric) => [
        [metric.metric, ...[metric.series.before, metric.series.now, metric.series.half].map(number)],
        ...metric.attributes
          .slice(0, TOP_ATTRIBUTES)
          .map(({ attribute, values, folded }) => [
            `  ${attribute}`,
            ...[values.before, values.now, values.half].map(number),
            ...[folded.now, folded.half].map((count) => share(count, metric.points)),
          ]),
        ...more(metric.attributes.length - TOP_ATTRIBUTES, '  ', 'attributes'),
      ]),
    ...more(metrics.length - TOP_METRICS, '', 'metrics'),
    ['total', ...[series.before, series.now, series.half].map(number)],
  ];
  return [
    `Pipeline ${pipeline}: ${number(points)} points in ${formatDuration(ms)}.`,
    processor === null
      ? 'No cardinality_limit stands in it, so nothing is bounded: all columns are the same.'
      : `What comes to ${processor}, what it lets out now, and what it would with half of each budget.`,
    ...table(rows),
    '',
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

function more(count: number, indent: string, what: string): readonly (readonly string[])[] {
  return count > 0 ? [[`${indent}… and ${number(count)} more ${what}`]] : [];
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function share(count: number, points: number): string {
  return points === 0 || count === 0 ? '' : `${((100 * count) / points).toFixed(1)} %`;
}
