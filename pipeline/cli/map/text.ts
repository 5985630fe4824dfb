import { failedShare, type ServiceMapReport, short } from './report.ts';

/** As a table, the busiest edges first. */
export function mapText(report: ServiceMapReport): string {
  const { edges, seconds, overflow, unavailable } = report;
  const rows: readonly (readonly string[])[] = [
    ['client', 'server', 'type', 'requests', 'per second', 'failed', 'failed %', 'mean ms', 'p95 ms'],
    ...edges
      .toSorted((a, b) => b.requestsPerSecond - a.requestsPerSecond || b.requests - a.requests)
      .map((edge) => [
        edge.client,
        edge.server,
        edge.type,
        String(edge.requests),
        short(edge.requestsPerSecond),
        String(edge.failed),
        short(failedShare(edge) * 100),
        milliseconds(edge.meanSeconds),
        milliseconds(edge.p95Seconds),
      ]),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const table = rows.map((row) =>
    row
      .map((cell, i) => (i < TEXT_COLUMNS ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  const reasons = Object.entries(unavailable).map(([id, reason]) => `There is no map of ${id}: ${reason}`);
  return [
    ...(edges.length > 0 ? table : ['No service has talked to another yet.']),
    '',
    ...(edges.length > 0 ? [`Rates are those of the last ${Math.round(seconds)} s; counts are since the start.`] : []),
    ...(overflow > 0 ? [`${overflow} requests of further services found no room in the map.`] : []),
    ...reasons,
    '',
  ]
    .join('\n')
    .replace(/\n+$/, '\n');
}

const TEXT_COLUMNS = 3;

function milliseconds(seconds: number | undefined): string {
  return seconds === undefined ? '-' : short(seconds * 1000);
}
