import type {
  Attributes,
  BatchObservableResult,
  Meter,
  Observable,
  ObservableCounter,
  ObservableGauge,
} from '@opentelemetry/api';
import type { Signal } from '../../pdata/signals.ts';
import { ITEM_NAMES, SIGNALS } from '../../pdata/signals.ts';
import type { Account } from '../graph/books.ts';
import { type Ledger, sum } from '../graph/ledger.ts';
import type { Node } from '../graph/node.ts';
import type { PullTotals } from '../graph/pull.ts';

export interface GraphView {
  readonly accounts: readonly Account[];
  readonly pullTotals: Readonly<PullTotals>;
}

/** Publishes what the graph counts, under the Collector's names and as `bpflow_ledger_*`. Read when somebody collects; nothing is added to the data's way. */
export function observeGraph(meter: Meter, graph: () => GraphView): void {
  observeCollectorNames(meter, graph);
  observeLedger(meter, graph);
}

/** At the level `detailed`: how long each call of a processor takes by itself. Returns what begins it for a component. */
export function durationRecorder(meter: Meter): (node: Node) => void {
  const histogram = meter.createHistogram('otelcol_processor_internal_duration', {
    description: 'Duration of time taken to process a batch of telemetry data through the processor. [Alpha]',
    unit: 's',
    advice: { explicitBucketBoundaries: DURATION_BOUNDS_S },
  });
  return (node) => {
    if (node.id.kind !== 'processor') return;
    const labels = { otel_signal: node.pipeline?.split('/', 1)[0] ?? '', processor: String(node.id) };
    node.onCall = (ownMs) => histogram.record(ownMs / 1000, labels);
  };
}

const DURATION_BOUNDS_S = [0.000_01, 0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

function observeCollectorNames(meter: Meter, graph: () => GraphView): void {
  const perSignal = (name: string, text: string, unit = 'items') =>
    new Map(
      SIGNALS.map((signal) => [
        signal,
        meter.createObservableCounter(`${name}_${ITEM_NAMES[signal].key}`, {
          description: `${text.replace('{}', ITEM_NAMES[signal].text)} [Alpha]`,
          unit: `{${unit}}`,
        }),
      ]),
    );
  const accepted = perSignal('otelcol_receiver_accepted', 'Number of {} successfully pushed into the pipeline.');
  const refused = perSignal('otelcol_receiver_refused', 'Number of {} that could not be pushed into the pipeline.');
  const sent = perSignal('otelcol_exporter_sent', 'Number of {} successfully sent to destination.');
  const failed = perSignal('otelcol_exporter_send_failed', 'Number of {} in failed attempts to send to destination.');
  const notQueued = perSignal(
    'otelcol_exporter_enqueue_failed',
    'Number of {} failed to be added to the sending queue.',
  );
  const incoming = meter.createObservableCounter('otelcol_processor_incoming_items', {
    description: 'Number of items passed to the processor. [Alpha]',
  });
  const outgoing = meter.createObservableCounter('otelcol_processor_outgoing_items', {
    description: 'Number of items emitted from the processor. [Alpha]',
  });
  const all = [accepted, refused, sent, failed, notQueued].flatMap((counters) => [...counters.values()]);
  observe(meter, [...all, incoming, outgoing], (sink) => {
    for (const account of graph().accounts) {
      const { id, ledger } = account;
      switch (id.kind) {
        case 'receiver':
          for (const signal of signalsOf(ledger)) {
            sink.add(accepted.get(signal)!, ledger.inBySignal.get(signal) ?? 0, { receiver: String(id) });
            sink.add(refused.get(signal)!, ledger.refusedBySignal.get(signal) ?? 0, { receiver: String(id) });
          }
          break;
        case 'processor':
          for (const [signal, count] of ledger.inBySignal) {
            sink.add(incoming, count, { otel_signal: signal, processor: String(id) });
            sink.add(outgoing, ledger.outBySignal.get(signal) ?? 0, { otel_signal: signal, processor: String(id) });
          }
          break;
        case 'exporter': {
          const outcomes = account.outcomes();
          for (const signal of new Set([...signalsOf(ledger), ...activeIn(outcomes)])) {
            const outcome = outcomes?.get(signal);
            if (outcome !== undefined) {
              sink.add(sent.get(signal)!, outcome.sent, { exporter: String(id) });
              sink.add(failed.get(signal)!, outcome.failed, { exporter: String(id) });
              if (outcome.notQueued > 0) sink.add(notQueued.get(signal)!, outcome.notQueued, { exporter: String(id) });
              continue;
            }
            const lost = ledger.lostBySignal.get(signal) ?? 0;
            sink.add(sent.get(signal)!, (ledger.inBySignal.get(signal) ?? 0) - lost, { exporter: String(id) });
            sink.add(failed.get(signal)!, ledger.refusedBySignal.get(signal) ?? 0, { exporter: String(id) });
          }
          break;
        }
        default:
      }
    }
  });
}

function observeLedger(meter: Meter, graph: () => GraphView): void {
  const counter = (name: string, description: string): ObservableCounter =>
    meter.createObservableCounter(name, { description, unit: '{item}' });
  const gauge = (name: string, description: string): ObservableGauge =>
    meter.createObservableGauge(name, { description, unit: '{item}' });
  const entered = counter('bpflow_ledger_in_items', 'Items that the component took.');
  const left = counter('bpflow_ledger_out_items', 'Items that the component handed on, or an exporter got rid of.');
  const dropped = counter('bpflow_ledger_dropped_items', 'Items that ended in the component, by reason.');
  const created = counter('bpflow_ledger_created_items', 'Items that the component made, by reason.');
  const merged = counter('bpflow_ledger_merged_items', 'Items that the component merged into others.');
  const refused = counter(
    'bpflow_ledger_refused_items',
    'Items of offers that the component, or for receivers what follows, did not take; outside the balance.',
  );
  const held = gauge('bpflow_ledger_held_items', 'Items that the component holds now.');
  const imbalance = gauge(
    'bpflow_ledger_imbalance_items',
    'in + created - out - dropped - merged - held: 0 whenever the component is at rest.',
  );
  const busy = meter.createObservableCounter('bpflow_component_busy_seconds', {
    description: 'Time spent in the component itself, without waiting and without what it calls.',
    unit: 's',
  });
  const pulls = meter.createObservableCounter('bpflow_pull_collections', {
    description: 'Collections that exporters asked for, by outcome; late ones are served from the data before.',
  });
  observe(meter, [entered, left, dropped, created, merged, refused, held, imbalance, busy, pulls], (sink) => {
    const { accounts, pullTotals } = graph();
    for (const account of accounts) {
      const labels = componentLabels(account);
      const row = ledgerRow(account);
      sink.add(entered, row.in, labels);
      sink.add(left, row.out, labels);
      for (const [reason, count] of account.ledger.dropped) sink.add(dropped, count, { ...labels, reason });
      for (const [reason, count] of account.ledger.created) sink.add(created, count, { ...labels, reason });
      sink.add(merged, row.merged, labels);
      sink.add(refused, sum(account.ledger.refusedBySignal), labels);
      sink.add(held, row.held, labels);
      sink.add(imbalance, row.imbalance, labels);
      sink.add(busy, account.busyMs / 1000, labels);
    }
    for (const [outcome, count] of Object.entries(pullTotals)) sink.add(pulls, count, { outcome });
  });
}

export interface LedgerRow {
  readonly kind: string;
  readonly id: string;
  readonly pipeline: string | undefined;
  readonly in: number;
  readonly out: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly created: Readonly<Record<string, number>>;
  readonly merged: number;
  readonly held: number;
  /** Items that went back to their sender; outside the balance. */
  readonly refused: number;
  /** in + created - out - dropped - merged - held. */
  readonly imbalance: number;
}

/** The books of one component. What an exporter took, did not drop and does not hold has left. */
export function ledgerRow(account: Account): LedgerRow {
  const { id, ledger, pipeline } = account;
  const held = account.held();
  const expected = ledger.expectedOut(held);
  const out = id.kind === 'exporter' ? expected : ledger.out;
  return {
    kind: id.kind,
    id: String(id),
    pipeline,
    in: ledger.in,
    out,
    dropped: Object.fromEntries(ledger.dropped),
    created: Object.fromEntries(ledger.created),
    merged: ledger.merged,
    held,
    refused: Math.max(0, sum(ledger.refusedBySignal) - sum(ledger.lostBySignal)),
    imbalance: expected - out,
  };
}

/** `component` is the id; `pipeline` only where an instance belongs to one. */
export function componentLabels(component: {
  readonly id: { readonly kind: string };
  readonly pipeline: string | undefined;
}): Attributes {
  const { id, pipeline } = component;
  return { kind: id.kind, component: String(id), ...(pipeline === undefined ? {} : { pipeline }) };
}

/** Values of one collection, added up where labels are equal: an observation of the same labels would replace the one before. */
interface Sink {
  add(instrument: Observable, value: number, labels: Attributes): void;
}

function observe(meter: Meter, instruments: Observable[], read: (sink: Sink) => void): void {
  meter.addBatchObservableCallback((result: BatchObservableResult) => {
    const sums = new Map<Observable, Map<string, { labels: Attributes; value: number }>>();
    read({
      add(instrument, value, labels) {
        const bySet = sums.get(instrument) ?? new Map<string, { labels: Attributes; value: number }>();
        sums.set(instrument, bySet);
        const key = JSON.stringify(labels);
        const sum = bySet.get(key) ?? { labels, value: 0 };
        sum.value += value;
        bySet.set(key, sum);
      },
    });
    for (const [instrument, bySet] of sums) {
      for (const { labels, value } of bySet.values()) result.observe(instrument, value, labels);
    }
  }, instruments);
}

function signalsOf(ledger: Ledger): Iterable<Signal> {
  return new Set([...ledger.inBySignal.keys(), ...ledger.refusedBySignal.keys()]);
}

/** Signals that an exporter sent or failed to send, also those it only found in a storage. */
function activeIn(outcomes: ReturnType<Account['outcomes']>): Signal[] {
  return [...(outcomes ?? [])].filter(([, { sent, failed }]) => sent + failed > 0).map(([signal]) => signal);
}
