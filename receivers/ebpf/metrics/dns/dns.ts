import type { Attributes } from 'bpflow/sdk';
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
import type { Counters } from '../../series/counters.ts';
import { feedsOf, pendingHistogram, pendingSum } from '../../series/fed-source.ts';
import { counted, type Feed, timed } from '../../series/feed.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm } from '../../series/histograms.ts';
import { isFed, type MetricFact } from '../../series/metric-fact.ts';
import { type MapUsage, type MetricSource, openGroupSeries, type SourceContext } from '../../series/metric-source.ts';
import type { PendingMetric } from '../../series/pending.ts';
import type { PendingSum } from '../../series/sums.ts';
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
  readonly #queries: Feed;
  readonly #answers: Feed;
  readonly #times: Feed;
  readonly #others: readonly Feed[];
  readonly #waiting: MapBuffer;
  readonly #names: DnsNames;
  readonly #unanswered: PendingSum;
  #waitingNow = 0;

  constructor(kernel: Kernel, options: DnsOptions) {
    this.#options = options;
    this.#kernel = kernel;
    const { batch, groups, idleTimeoutMs, dnsLabels, histogramLabels } = options;
    this.#waiting = new MapBuffer(kernel.map('dns', 'dns_waiting')!, { batch });
    const names = new DnsNames(kernel, { idleTimeoutMs, batch });
    this.#names = names;
    const sum = (fact: MetricFact) =>
      pendingSum(fact, kernel, options, dnsLabels.includes('name') ? { [NAME]: 'name' } : {});
    const queries = sum(QUERIES);
    const repeated = sum(REPEATED);
    const unanswered = sum(UNANSWERED);
    const responses = sum(RESPONSES);
    const latency = pendingHistogram(LATENCY, kernel, options);
    const unmatched = pendingSum(UNMATCHED, kernel, { ...options, labels: [] });
    const malformed = pendingSum(MALFORMED, kernel, { ...options, labels: [] });
    this.#unanswered = unanswered;

    const feed = feedsOf('dns', kernel, options);
    const nameAt = (word: number) => (key: Uint32Array, at: number) => names.grown(key[at + word]!, groups);
    const query = new DnsKey();
    this.#queries = feed('dns_queries', {
      counters: DnsValue.WORDS / 2,
      groupWord: DnsKey.WORD.group,
      grown: nameAt(DnsKey.WORD.name),
      own: (key, at) => {
        const { name, type, transport } = query.move(key, at);
        return { ...names.grown(name, groups), ...attributesOf(type, transport) };
      },
      targets: [queries, repeated, unanswered].map((each, counter) => counted(each, { counter })),
    });
    const answer = new DnsAnswerKey();
    this.#answers = feed('dns_answers', {
      counters: 1,
      groupWord: DnsAnswerKey.WORD.group,
      grown: nameAt(DnsAnswerKey.WORD.name),
      own: (key, at) => {
        const { name, type, rcode } = answer.move(key, at);
        return { ...names.grown(name, groups), [TYPE]: countedType(type), [RCODE]: countedRcode(rcode) };
      },
      targets: [counted(responses)],
    });
    const times = { counters: HISTOGRAM_COUNTERS, labels: histogramLabels, targets: [timed(latency)] };
    this.#times = feed('dns_times', { ...times, groupWord: 0 });
    this.#others = [
      feed('all_dns_times', times),
      feed('dns_strays', {
        counters: 1,
        labels: [],
        own: (key, at) => STRAYS.get(key[at]!) ?? {},
        targets: (key, at) => [counted(key[at] === DnsStray.DNS_UNMATCHED ? unmatched : malformed)],
      }),
    ];
    const all: readonly (readonly [MetricFact, PendingMetric])[] = [
      [QUERIES, queries],
      [REPEATED, repeated],
      [UNANSWERED, unanswered],
      [RESPONSES, responses],
      [LATENCY, latency],
      [UNMATCHED, unmatched],
      [MALFORMED, malformed],
    ];
    this.metrics = all.filter(([fact]) => isFed(fact, kernel)).map(([, metric]) => metric);
  }

  collect(): void {
    for (const feed of this.#feeds) feed.collect();
    this.#waitingNow = this.#giveUp();
    const ended = this.#names.retire(this.#options.groups.nowMs, this.#kernel.generation);
    if (ended.size === 0) return;
    this.#queries.forget(ended, DnsKey.WORD.name);
    this.#answers.forget(ended, DnsAnswerKey.WORD.name);
  }

  get counters(): readonly Counters[] {
    return this.#feeds.map(({ counters }) => counters);
  }

  forget(groups: ReadonlySet<number>): void {
    for (const feed of this.#feeds) feed.forget(groups);
  }

  usage(): readonly MapUsage[] {
    const { timesByGroup, dnsLabels } = this.#options;
    return [
      this.#queries.usage,
      this.#answers.usage,
      { map: this.#waiting.map, entries: this.#waitingNow },
      ...(timesByGroup ? [this.#times.usage] : []),
      ...(dnsLabels.length > 0 ? [this.#names.usage] : []),
    ];
  }

  get #feeds(): readonly Feed[] {
    return [this.#queries, this.#answers, this.#times, ...this.#others];
  }

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
      const series = openGroupSeries(this.#unanswered.series, group, this.#options.labels, own);
      this.#unanswered.add(series, 1);
      // The row of its query feeds the series as long as its group lives.
      this.#unanswered.series.close(series);
    }
    return entries;
  }
}

const NS_PER_MS = 1_000_000n;

function attributesOf(type: number, transport: number): Attributes {
  return { [TYPE]: countedType(type), [TRANSPORT]: transport === DnsTransport.DNS_TCP ? 'tcp' : 'udp' };
}

const STRAYS: ReadonlyMap<number, Attributes> = new Map([
  [DnsStray.DNS_MALFORMED_SENT, { [DIRECTION]: 'transmit' }],
  [DnsStray.DNS_MALFORMED_RECEIVED, { [DIRECTION]: 'receive' }],
]);
