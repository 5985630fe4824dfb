import { setTimeout as wait } from 'node:timers/promises';
import type { ViewAddress } from '../../sdk/agent.ts';
import { askAgent } from '../admin/client.ts';
import type { LedgerRow } from '../telemetry/graph-metrics.ts';
import type { Arguments } from './arguments.ts';
import { ledgerText } from './ledger-text.ts';

/** What a running agent's components did with their items. */
export interface LedgerReport {
  readonly components: readonly LedgerRow[];
  readonly total: Omit<LedgerRow, 'kind' | 'id' | 'pipeline' | 'dropped' | 'created'> & {
    readonly dropped: number;
    readonly created: number;
  };
  /** Views named `ledger` of components that have books of another kind, such as those of kernel programs. */
  readonly others: Readonly<Record<string, unknown>>;
  readonly balanced: boolean;
}

/**
 * Prints the books of a running agent. Resolves to 0 when every balance is 0, to 2 when one is not in any of several
 * readings: items that are under way are in no column for a moment.
 */
export async function ledger({ admin, format }: Pick<Arguments, 'admin' | 'format'>): Promise<number> {
  const suspects = new Set<string>();
  let components: readonly LedgerRow[] = [];
  for (let reading = 0; reading < READINGS; reading++) {
    if (reading > 0) await wait(BETWEEN_READINGS_MS);
    components = ((await askAgent(admin, '/v1/views/service/agent/ledger')) as readonly LedgerRow[]).toReversed();
    const wrong = new Set(components.filter(({ imbalance }) => imbalance !== 0).map(nameOf));
    if (reading === 0) for (const name of wrong) suspects.add(name);
    for (const name of suspects) if (!wrong.has(name)) suspects.delete(name);
    if (suspects.size === 0) break;
  }
  const report: LedgerReport = {
    components,
    total: totalOf(components),
    others: await otherLedgers(admin),
    balanced: suspects.size === 0,
  };
  process.stdout.write(format === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : ledgerText(report));
  return report.balanced ? 0 : OUT_OF_BALANCE;
}

const READINGS = 5;
const BETWEEN_READINGS_MS = 200;
const OUT_OF_BALANCE = 2;

/** `processor batch (metrics/2)`. */
export function nameOf({ kind, id, pipeline }: Pick<LedgerRow, 'kind' | 'id' | 'pipeline'>): string {
  return `${kind} ${id}${pipeline === undefined ? '' : ` (${pipeline})`}`;
}

function totalOf(rows: readonly LedgerRow[]): LedgerReport['total'] {
  const add = (value: (row: LedgerRow) => number): number => rows.reduce((sum, row) => sum + value(row), 0);
  return {
    in: add((row) => row.in),
    created: add((row) => countOf(row.created)),
    out: add((row) => row.out),
    dropped: add((row) => countOf(row.dropped)),
    merged: add((row) => row.merged),
    held: add((row) => row.held),
    refused: add((row) => row.refused),
    imbalance: add((row) => row.imbalance),
  };
}

/** All reasons together. */
export function countOf(byReason: Readonly<Record<string, number>>): number {
  return Object.values(byReason).reduce((sum, count) => sum + count, 0);
}

async function otherLedgers(admin: string): Promise<Record<string, unknown>> {
  const { views } = (await askAgent(admin, '/v1/views')) as { readonly views: readonly ViewAddress[] };
  const found: Record<string, unknown> = {};
  for (const { kind, id, name, pipeline } of views) {
    if (kind === 'service' || name !== 'ledger') continue;
    const query = pipeline === undefined ? '' : `?pipeline=${encodeURIComponent(pipeline)}`;
    found[nameOf({ kind, id, pipeline })] = await askAgent(admin, `/v1/views/${kind}/${id}/${name}${query}`);
  }
  return found;
}
