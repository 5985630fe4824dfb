import type { Agent, Inspection, ViewAddress } from 'bpflow/sdk';
import { type Html, html, table } from './html.ts';

/** What the pages are made from. */
export interface Sources {
  readonly agent: Agent;
  readonly inspection: Inspection;
  /** ns since 1970. */
  readonly now: bigint;
  readonly profiling: boolean;
}

export interface Page {
  readonly title: string;
  readonly body: (sources: Sources) => Html;
}

/** Every page by its path. The paths that the Collector has too are the same. */
export const PAGES: Readonly<Record<string, Page>> = {
  '/debug/servicez': { title: 'Service', body: service },
  '/debug/pipelinez': { title: 'Pipelines', body: pipelines },
  '/debug/componentz': { title: 'Components', body: (sources) => components(sources, () => true) },
  '/debug/extensionz': { title: 'Extensions', body: (sources) => components(sources, (kind) => kind === 'extension') },
  '/debug/queuez': { title: 'Queues', body: queues },
  '/debug/ledgerz': { title: 'Ledger', body: ledger },
  '/debug/viewz': { title: 'Views', body: views },
  '/debug/featurez': { title: 'Feature gates', body: () => html`<p>There are none: behaviour is configured.</p>` },
  '/debug/profilez': { title: 'Profiles', body: profiles },
};

function service({ agent, now }: Sources): Html {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const seconds = Number((now - agent.startedAt) / 1_000_000_000n);
  return table(
    ['', ''],
    [
      ['Name', agent.name],
      ['Version', agent.version],
      ['Ready', agent.ready() ? 'yes' : bad('no')],
      ['Started', new Date(Number(agent.startedAt / 1_000_000n)).toISOString()],
      ['Uptime', `${seconds} s`],
      ['Process', `pid ${process.pid}, Node ${process.versions.node}, ${process.platform} ${process.arch}`],
      ['Memory', `${mib(rss)} resident, ${mib(heapUsed)} heap, ${mib(external + arrayBuffers)} outside it`],
      [
        'CPU',
        `${(process.cpuUsage().user / 1e6).toFixed(2)} s user, ${(process.cpuUsage().system / 1e6).toFixed(2)} s system`,
      ],
    ],
  );
}

interface Pipeline {
  readonly id: string;
  readonly signal: string;
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}

function pipelines({ inspection }: Sources): Html {
  const list = own<readonly Pipeline[]>(inspection, 'pipelines') ?? [];
  return table(
    ['Pipeline', 'Signal', 'Receivers', 'Processors', 'Exporters'],
    list.map(({ id, signal, receivers, processors, exporters }) => [
      id,
      signal,
      receivers.join(', '),
      processors.join(' → '),
      exporters.join(', '),
    ]),
  );
}

function components({ agent }: Sources, wanted: (kind: string) => boolean): Html {
  const rows = agent.health().filter(({ id }) => wanted(id.kind));
  return table(
    ['Kind', 'Component', 'Pipeline', 'State', 'What it says'],
    rows.map(({ id, pipeline, state, summary, details }) => [
      id.kind,
      String(id),
      pipeline,
      state === 'ok' || state === 'starting' ? state : bad(state),
      html`${summary}${(details ?? []).map((line) => html`<br>${line}`)}`,
    ]),
  );
}

/** Views by the name `queue`: what exporters publish of their sending queues. */
function queues({ inspection }: Sources): Html {
  const found = inspection.list().filter(({ name }) => name === 'queue');
  return html`${found.map((address) => html`<h2>${address.kind} ${address.id}</h2>${json(inspection, address)}`)}${found.length === 0 ? html`<p class="none">None.</p>` : ''}`;
}

interface LedgerRow {
  readonly kind: string;
  readonly id: string;
  readonly pipeline?: string;
  readonly in: number;
  readonly out: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly created: Readonly<Record<string, number>>;
  readonly merged: number;
  readonly held: number;
  readonly imbalance: number;
}

function ledger({ inspection }: Sources): Html {
  const rows = own<readonly LedgerRow[]>(inspection, 'ledger') ?? [];
  return html`<p>Items. At rest, in + created = out + dropped + merged + held.</p>${table(
    ['Kind', 'Component', 'Pipeline', 'In', 'Created', 'Out', 'Dropped', 'Merged', 'Held', 'Balance'],
    rows.map((row) => [
      row.kind,
      row.id,
      row.pipeline,
      row.in,
      reasons(row.created),
      row.out,
      Object.keys(row.dropped).length === 0 ? 0 : bad(reasons(row.dropped)),
      row.merged,
      row.held,
      row.imbalance === 0 ? 0 : bad(row.imbalance),
    ]),
  )}`;
}

function views({ inspection }: Sources): Html {
  return html`${inspection
    .list()
    .map(
      (address) =>
        html`<details><summary>${address.kind} ${address.id}${address.pipeline === undefined ? '' : ` (${address.pipeline})`}: ${address.name}</summary>${json(inspection, address)}</details>`,
    )}`;
}

function profiles({ profiling }: Sources): Html {
  if (!profiling) return html`<p>Profiles are switched off: <code>profiling: true</code> switches them on.</p>`;
  return html`<p>A profile is a file for the developer tools of a browser (Performance, Memory). One at a time.</p>
<ul>
<li><a href="/debug/profile/cpu?seconds=10">CPU, 10 seconds</a></li>
<li><a href="/debug/profile/heap?seconds=10">Heap: what was allocated in 10 seconds and still lives</a></li>
</ul>`;
}

function json(inspection: Inspection, address: ViewAddress): Html {
  try {
    return html`<pre>${JSON.stringify(inspection.read(address), plain, 2)}</pre>`;
  } catch (error) {
    return html`<p class="bad">${error instanceof Error ? error.message : String(error)}</p>`;
  }
}

function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map) return Object.fromEntries(value);
  return value instanceof Set ? [...value] : value;
}

function own<T>(inspection: Inspection, name: string): T | undefined {
  return inspection.read({ kind: 'service', id: 'agent', name }) as T | undefined;
}

function bad(value: unknown): Html {
  return html`<span class="bad">${value}</span>`;
}

function reasons(counts: Readonly<Record<string, number>>): string | number {
  const entries = Object.entries(counts);
  return entries.length === 0 ? 0 : entries.map(([reason, count]) => `${count} ${reason}`).join(', ');
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
