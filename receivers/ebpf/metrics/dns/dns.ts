import { type Attributes, attributeSet, EMPTY_RESOURCE } from 'bpflow/sdk';
import {
  DnsAnswerKey,
  DnsKey,
  DnsStray,
  DnsTransport,
  DnsValue,
  DnsWaiting,
  DnsWaitingKey,
} from '../../../../bpf/dns.gen.ts';
import { GROUP_EXCLUDED } from '../../../../bpf/process.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { MapBuffer } from '../../kernel/map-buffer.ts';
import { Counters, NO_SERIES } from '../../series/counters.ts';
import type { Group } from '../../series/groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from '../../series/histograms.ts';
import { declareFact, isFed, type MetricFact } from '../../series/metric-fact.ts';
import {
  labelNames,
  type MapUsage,
  type MetricSource,
  openGroupSeries,
  type SourceContext,
} from '../../series/metric-source.ts';
import { type PendingMetric, PendingSum, SeriesSet } from '../../series/series.ts';
import { countedRcode, countedType } from './codes.ts';
import {
  DIRECTION,
  LATENCY,
  MALFORMED,
  NAME,
  QUERIES,
  RCODE,
  REPEATED,
  RESPONSES,
  TRANSPORT,
  TYPE,
  UNANSWERED,
  UNMATCHED,
} from './metrics.ts';
import { type DnsLabel, DnsNames } from './names.ts';

export interface DnsOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly timesByGroup: boolean;
  readonly dnsLabels: readonly DnsLabel[];
  /** How long a query waits for its response, ms. */
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  /** ns of the clock that the kernel stamps queries with. */
  readonly monotonicNs: () => bigint;
}

/** Queries of DNS, what became of them, and how long that took. */
export class DnsSource implements MetricSource {
  readonly metrics: readonly PendingMetric[];
  readonly #options: DnsOptions;
  readonly #kernel: Kernel;
  readonly #queries: Counters;
  readonly #answers: Counters;
  readonly #times: Counters;
  readonly #allTimes: Counters;
  readonly #strays: Counters;
  readonly #waiting: MapBuffer;
  readonly #names: DnsNames;
  /** One for each counter of `struct dns_value`. */
  readonly #sums: readonly PendingSum[];
  readonly #unanswered: PendingSum;
  readonly #responses: PendingSum;
  readonly #latency: PendingHistogram;
  readonly #unmatched: PendingSum;
  readonly #malformed: PendingSum;
  /** What a row of queries has as its series is an index here: a series of each sum. */
  readonly #opened: (readonly number[])[] = [];
  readonly #free: number[] = [];
  #usage: readonly MapUsage[] = [];

  constructor(kernel: Kernel, options: DnsOptions) {
    this.#options = options;
    this.#kernel = kernel;
    const { batch, interner, scope, idleTimeoutMs, dnsLabels } = options;
    const counters = (name: string, count: number) =>
      new Counters(kernel.map('dns', name)!, { counters: count, batch });
    this.#queries = counters('dns_queries', DnsValue.WORDS / 2);
    this.#answers = counters('dns_answers', 1);
    this.#times = counters('dns_times', HISTOGRAM_COUNTERS);
    this.#allTimes = counters('all_dns_times', HISTOGRAM_COUNTERS);
    this.#strays = counters('dns_strays', 1);
    this.#waiting = new MapBuffer(kernel.map('dns', 'dns_waiting')!, { batch });
    this.#names = new DnsNames(kernel, { idleTimeoutMs, batch });
    const told = dnsLabels.includes('name') ? { [NAME]: 'name' } : {};
    const labels = { ...labelNames(options.labels), ...told };
    const sum = (fact: MetricFact, with_: Readonly<Record<string, string>> = labels) =>
      new PendingSum(declareFact(fact, kernel, with_), new SeriesSet(interner, scope));
    this.#unanswered = sum(UNANSWERED);
    this.#sums = [sum(QUERIES), sum(REPEATED), this.#unanswered];
    this.#responses = sum(RESPONSES);
    const latency = declareFact(LATENCY, kernel, labelNames(options.histogramLabels));
    this.#latency = new PendingHistogram(latency, new SeriesSet(interner, scope), options.histograms);
    this.#unmatched = sum(UNMATCHED, {});
    this.#malformed = sum(MALFORMED, {});
    const all: readonly (readonly [MetricFact, PendingMetric])[] = [
      [QUERIES, this.#sums[0]!],
      [REPEATED, this.#sums[1]!],
      [UNANSWERED, this.#unanswered],
      [RESPONSES, this.#responses],
      [LATENCY, this.#latency],
      [UNMATCHED, this.#unmatched],
      [MALFORMED, this.#malformed],
    ];
    this.metrics = all.filter(([fact]) => isFed(fact, kernel)).map(([, metric]) => metric);
  }

  collect(): void {
    const { groups, timesByGroup, dnsLabels } = this.#options;
    const queries = this.#queries.collect(this.#onQueries);
    const answers = this.#answers.collect(this.#onAnswers);
    const times = this.#times.collect((row, key, at) => {
      const group = groups.grown(key[at]!);
      if (group.counts) this.#addTime(this.#times, row, group);
    });
    this.#allTimes.collect((row) => this.#addTime(this.#allTimes, row, groups.other));
    this.#strays.collect(this.#onStrays);
    const waiting = this.#giveUp();
    this.#usage = [
      { map: this.#queries.map, entries: queries },
      { map: this.#answers.map, entries: answers },
      { map: this.#waiting.map, entries: waiting },
      ...(timesByGroup ? [{ map: this.#times.map, entries: times }] : []),
      ...(dnsLabels.length > 0 ? [this.#names.usage] : []),
    ];
    const ended = this.#names.retire(groups.nowMs, this.#kernel.generation);
    if (ended.size > 0) this.#forget((name) => ended.has(name), DnsKey.WORD.name, DnsAnswerKey.WORD.name);
  }

  get counters(): readonly Counters[] {
    return [this.#queries, this.#answers, this.#times, this.#allTimes, this.#strays];
  }

  forget(groups: ReadonlySet<number>): void {
    this.#forget((group) => groups.has(group), DnsKey.WORD.group, DnsAnswerKey.WORD.group);
    this.#times.forget(
      (group) => groups.has(group),
      (series) => this.#latency.series.close(series),
    );
  }

  usage(): readonly MapUsage[] {
    return this.#usage;
  }

  #forget(chosen: (id: number) => boolean, queryWord: number, answerWord: number): void {
    this.#queries.forget(chosen, this.#close, queryWord);
    this.#answers.forget(chosen, (series) => this.#responses.series.close(series), answerWord);
  }

  readonly #onQueries = (row: number, key: Uint32Array, at: number): void => {
    const { group: id, name, type, transport } = queryKey.move(key, at);
    const group = this.#options.groups.grown(id);
    const told = this.#names.grown(name, this.#options.groups);
    if (!group.counts) return;
    let index = this.#queries.seriesOf(row);
    if (index === NO_SERIES) {
      index = this.#free.pop() ?? this.#opened.length;
      const own = { ...told, ...attributesOf(type, transport) };
      this.#opened[index] = this.#sums.map((sum) => this.#openSum(sum, group, own));
      this.#queries.setSeries(row, index);
    }
    for (const [i, sum] of this.#sums.entries()) sum.add(this.#opened[index]![i]!, this.#queries.deltas[i]!);
  };

  readonly #onAnswers = (row: number, key: Uint32Array, at: number): void => {
    const { group: id, name, type, rcode } = answerKey.move(key, at);
    const group = this.#options.groups.grown(id);
    const told = this.#names.grown(name, this.#options.groups);
    if (!group.counts) return;
    let series = this.#answers.seriesOf(row);
    if (series === NO_SERIES) {
      const own = { ...told, [TYPE]: countedType(type), [RCODE]: countedRcode(rcode) };
      series = this.#openSum(this.#responses, group, own);
      this.#answers.setSeries(row, series);
    }
    this.#responses.add(series, this.#answers.deltas[0]!);
  };

  readonly #onStrays = (row: number, key: Uint32Array, at: number): void => {
    const stray = key[at]!;
    const sum = stray === DnsStray.DNS_UNMATCHED ? this.#unmatched : this.#malformed;
    let series = this.#strays.seriesOf(row);
    if (series === NO_SERIES) {
      const own = STRAYS.get(stray) ?? {};
      const identity = { resource: EMPTY_RESOURCE, attributes: attributeSet(own) };
      series = sum.series.open(String(stray), () => identity);
      this.#strays.setSeries(row, series);
    }
    sum.add(series, this.#strays.deltas[0]!);
  };

  /** Counts queries that have waited for too long, and forgets them. Returns how many wait. */
  #giveUp(): number {
    const entries = this.#waiting.read();
    const { keys, values, entryWords, map } = this.#waiting;
    const latest = this.#options.monotonicNs() - BigInt(this.#options.timeoutMs) * NS_PER_MS;
    const query = new DnsWaiting();
    for (let entry = 0; entry < entries; entry++) {
      const { since, group: id, name, type, transport } = query.move(values, entry * entryWords);
      // One that is being entered has no time yet.
      if (since === 0n || since > latest) continue;
      const at = entry * DnsWaitingKey.WORDS;
      // The response may have come meanwhile; only one of both finds the entry.
      if (!map.delete(new Uint8Array(keys.slice(at, at + DnsWaitingKey.WORDS).buffer))) continue;
      if (id === GROUP_EXCLUDED) continue;
      const group = this.#options.groups.grown(id);
      if (!group.counts) continue;
      const own = { ...this.#names.grown(name, this.#options.groups), ...attributesOf(type, transport) };
      const series = this.#openSum(this.#unanswered, group, own);
      this.#unanswered.add(series, 1);
      // The row of its query feeds the series as long as its group lives.
      this.#unanswered.series.close(series);
    }
    return entries;
  }

  #addTime(counters: Counters, row: number, group: Group): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      series = openGroupSeries(this.#latency.series, group, this.#options.histogramLabels, {});
      counters.setSeries(row, series);
    }
    this.#latency.add(series, counters.deltas);
  }

  readonly #close = (index: number): void => {
    for (const [i, sum] of this.#sums.entries()) sum.series.close(this.#opened[index]![i]!);
    this.#free.push(index);
  };

  #openSum(sum: PendingSum, group: Group, own: Attributes): number {
    return openGroupSeries(sum.series, group, this.#options.labels, own);
  }
}

const NS_PER_MS = 1_000_000n;

const queryKey = new DnsKey();
const answerKey = new DnsAnswerKey();

function attributesOf(type: number, transport: number): Attributes {
  return { [TYPE]: countedType(type), [TRANSPORT]: transport === DnsTransport.DNS_TCP ? 'tcp' : 'udp' };
}

const STRAYS: ReadonlyMap<number, Attributes> = new Map([
  [DnsStray.DNS_MALFORMED_SENT, { [DIRECTION]: 'transmit' }],
  [DnsStray.DNS_MALFORMED_RECEIVED, { [DIRECTION]: 'receive' }],
]);
