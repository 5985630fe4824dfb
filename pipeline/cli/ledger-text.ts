import type { LedgerRow } from '../telemetry/graph-metrics.ts';
import { countOf, type LedgerReport, nameOf } from './ledger.ts';

const COLUMNS = ['in', 'created', 'out', 'dropped', 'merged', 'held', 'balance', 'refused'] as const;

/** The books as a table, with the reasons of what was dropped and created below the component they belong to. */
export function ledgerText({ components, total, others, balanced }: LedgerReport): string {
  const rows: readonly (readonly string[])[] = [
    ['component', ...COLUMNS],
    ...components.flatMap((row) => [cells(nameOf(row), row), ...reasons(row)]),
    ['total', ...numbers(total).map(String)],
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return [
    ...lines,
    '',
    balanced
      ? 'Every balance is 0: in + created = out + dropped + merged + held.'
      : 'A balance is not 0: in + created - out - dropped - merged - held. Something lost items, or made some, without saying so.',
    ...Object.entries(others).flatMap(([name, counts]) => ['', `${name}:`, ...otherLines(counts)]),
    '',
  ].join('\n');
}

function cells(name: string, row: LedgerRow): readonly string[] {
  const { dropped, created, ...rest } = row;
  return [name, ...numbers({ ...rest, dropped: countOf(dropped), created: countOf(created) }).map(String)];
}

function numbers(row: LedgerReport['total']): readonly number[] {
  return [row.in, row.created, row.out, row.dropped, row.merged, row.held, row.imbalance, row.refused];
}

/** Lines below a component: each reason under its column. */
function reasons({ dropped, created }: LedgerRow): readonly (readonly string[])[] {
  return [
    ...Object.entries(created).map(([reason, count]) => [`    created: ${reason}`, '', String(count)]),
    ...Object.entries(dropped).map(([reason, count]) => [`    dropped: ${reason}`, '', '', '', String(count)]),
  ];
}

function otherLines(counts: unknown): readonly string[] {
  if (typeof counts !== 'object' || counts === null) return [`  ${JSON.stringify(counts)}`];
  return Object.entries(counts).map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`);
}
