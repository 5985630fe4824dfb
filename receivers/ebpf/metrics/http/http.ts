import { type Attributes, attributeSet, EMPTY_RESOURCE } from 'bpflow/sdk';
import {
  HTTP_OTHER_STATUS,
  HttpAnswerKey,
  HttpKey,
  HttpMethod,
  HttpRole,
  HttpStray,
  HttpTimeKey,
  HttpValue,
} from '../../../../bpf/http.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../../series/counters.ts';
import type { Group } from '../../series/groups.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm, PendingHistogram } from '../../series/histograms.ts';
import { declareFact, isFed, type MetricFact } from '../../series/metric-fact.ts';
import {
  labelNames,
  type MapUsage,
  type MetricSource,
  openGroupSeries,
  openOwnSeries,
  type SourceContext,
} from '../../series/metric-source.ts';
import { type PendingMetric, PendingSum, SeriesSet } from '../../series/series.ts';
import {
  DURATION,
  MALFORMED,
  MESSAGE,
  METHOD,
  PROTOCOL,
  REQUESTS,
  RESPONSES,
  ROLE,
  STATUS,
  UNANSWERED,
  UNMATCHED,
  UNREAD,
} from './metrics.ts';

export interface HttpOptions extends SourceContext {
  readonly histograms: HistogramForm;
  /** Whether the kernel keeps a histogram for each group. */
  readonly timesByGroup: boolean;
}

/** Requests of HTTP and their responses, on both sides, and how long that took. */
export class HttpSource implements MetricSource {
  readonly metrics: readonly PendingMetric[];
  readonly #options: HttpOptions;
  readonly #requests: Counters;
  readonly #answers: Counters;
  readonly #times: Counters;
  readonly #allTimes: Counters;
  readonly #strays: Counters;
  /** One for each counter of `struct http_value`. */
  readonly #sums: readonly PendingSum[];
  readonly #responses: PendingSum;
  readonly #duration: PendingHistogram;
  /** By `enum http_stray`. */
  readonly #ofNobody: readonly PendingSum[];
  /** What a row of requests has as its series is an index here: a series of each sum. */
  readonly #opened: (readonly number[])[] = [];
  readonly #free: number[] = [];
  #usage: readonly MapUsage[] = [];

  constructor(kernel: Kernel, options: HttpOptions) {
    this.#options = options;
    const { batch, interner, scope } = options;
    const counters = (name: string, count: number) =>
      new Counters(kernel.map('http', name)!, { counters: count, batch });
    this.#requests = counters('http_requests', HttpValue.WORDS / 2);
    this.#answers = counters('http_answers', 1);
    this.#times = counters('http_times', HISTOGRAM_COUNTERS);
    this.#allTimes = counters('all_http_times', HISTOGRAM_COUNTERS);
    this.#strays = counters('http_strays', 1);
    const sum = (fact: MetricFact, labels = labelNames(options.labels)) =>
      new PendingSum(declareFact(fact, kernel, labels), new SeriesSet(interner, scope));
    this.#sums = [sum(REQUESTS), sum(UNANSWERED)];
    this.#responses = sum(RESPONSES);
    const duration = declareFact(DURATION, kernel, labelNames(options.histogramLabels));
    this.#duration = new PendingHistogram(duration, new SeriesSet(interner, scope), options.histograms);
    const [unmatched, malformed, unread] = [sum(UNMATCHED, {}), sum(MALFORMED, {}), sum(UNREAD, {})];
    this.#ofNobody = [unmatched, malformed, malformed, unread, unread];
    const all: readonly (readonly [MetricFact, PendingMetric])[] = [
      [REQUESTS, this.#sums[0]!],
      [UNANSWERED, this.#sums[1]!],
      [RESPONSES, this.#responses],
      [DURATION, this.#duration],
      [UNMATCHED, unmatched],
      [MALFORMED, malformed],
      [UNREAD, unread],
    ];
    this.metrics = all.filter(([fact]) => isFed(fact, kernel)).map(([, metric]) => metric);
  }

  collect(): void {
    const { groups, timesByGroup } = this.#options;
    const requests = this.#requests.collect(this.#onRequests);
    const answers = this.#answers.collect(this.#onAnswers);
    const times = this.#times.collect((row, key, at) => {
      const { group: id, role } = timeKey.move(key, at);
      const group = groups.grown(id);
      if (group.counts) this.#addTime(this.#times, row, group, role);
    });
    this.#allTimes.collect((row, key, at) => this.#addTime(this.#allTimes, row, groups.other, key[at]!));
    this.#strays.collect(this.#onStrays);
    this.#usage = [
      { map: this.#requests.map, entries: requests },
      { map: this.#answers.map, entries: answers },
      ...(timesByGroup ? [{ map: this.#times.map, entries: times }] : []),
    ];
  }

  get counters(): readonly Counters[] {
    return [this.#requests, this.#answers, this.#times, this.#allTimes, this.#strays];
  }

  forget(groups: ReadonlySet<number>): void {
    const chosen = (group: number) => groups.has(group);
    this.#requests.forget(
      chosen,
      (index) => {
        for (const [i, sum] of this.#sums.entries()) sum.series.close(this.#opened[index]![i]!);
        this.#free.push(index);
      },
      HttpKey.WORD.group,
    );
    this.#answers.forget(chosen, (series) => this.#responses.series.close(series), HttpAnswerKey.WORD.group);
    this.#times.forget(chosen, (series) => this.#duration.series.close(series), HttpTimeKey.WORD.group);
  }

  usage(): readonly MapUsage[] {
    return this.#usage;
  }

  readonly #onRequests = (row: number, key: Uint32Array, at: number): void => {
    const { group: id, role, method } = requestKey.move(key, at);
    const group = this.#options.groups.grown(id);
    if (!group.counts) return;
    let index = this.#requests.seriesOf(row);
    if (index === NO_SERIES) {
      index = this.#free.pop() ?? this.#opened.length;
      const own = { [METHOD]: methodName(method), [ROLE]: roleName(role) };
      this.#opened[index] = this.#sums.map((sum) => this.#openSum(sum, group, own));
      this.#requests.setSeries(row, index);
    }
    for (const [i, sum] of this.#sums.entries()) sum.add(this.#opened[index]![i]!, this.#requests.deltas[i]!);
  };

  readonly #onAnswers = (row: number, key: Uint32Array, at: number): void => {
    const { group: id, role, status } = answerKey.move(key, at);
    const group = this.#options.groups.grown(id);
    if (!group.counts) return;
    let series = this.#answers.seriesOf(row);
    if (series === NO_SERIES) {
      series = this.#openSum(this.#responses, group, { [STATUS]: statusName(status), [ROLE]: roleName(role) });
      this.#answers.setSeries(row, series);
    }
    this.#responses.add(series, this.#answers.deltas[0]!);
  };

  readonly #onStrays = (row: number, key: Uint32Array, at: number): void => {
    const stray = Math.floor(key[at]! / HttpRole.HTTP_ROLES);
    const role = roleName(key[at]! % HttpRole.HTTP_ROLES);
    const sum = this.#ofNobody[stray]!;
    let series = this.#strays.seriesOf(row);
    if (series === NO_SERIES) {
      const identity = {
        resource: EMPTY_RESOURCE,
        attributes: attributeSet({ ...STRAYS.get(stray), [ROLE]: role }),
      };
      series = sum.series.open(String(key[at]), () => identity);
      this.#strays.setSeries(row, series);
    }
    sum.add(series, this.#strays.deltas[0]!);
  };

  #addTime(counters: Counters, row: number, group: Group, role: number): void {
    let series = counters.seriesOf(row);
    if (series === NO_SERIES) {
      const name = roleName(role);
      series = openGroupSeries(this.#duration.series, group, this.#options.histogramLabels, [name], { [ROLE]: name });
      counters.setSeries(row, series);
    }
    this.#duration.add(series, counters.deltas);
  }

  #openSum(sum: PendingSum, group: Group, own: Attributes): number {
    return openOwnSeries(sum.series, group, this.#options.labels, own);
  }
}

const requestKey = new HttpKey();
const answerKey = new HttpAnswerKey();
const timeKey = new HttpTimeKey();

/** By `enum http_method`; the names that OpenTelemetry gives them. */
const METHODS: ReadonlyMap<number, string> = new Map([
  [HttpMethod.HTTP_GET, 'GET'],
  [HttpMethod.HTTP_HEAD, 'HEAD'],
  [HttpMethod.HTTP_POST, 'POST'],
  [HttpMethod.HTTP_PUT, 'PUT'],
  [HttpMethod.HTTP_DELETE, 'DELETE'],
  [HttpMethod.HTTP_CONNECT, 'CONNECT'],
  [HttpMethod.HTTP_OPTIONS, 'OPTIONS'],
  [HttpMethod.HTTP_TRACE, 'TRACE'],
  [HttpMethod.HTTP_PATCH, 'PATCH'],
  [HttpMethod.HTTP_QUERY, 'QUERY'],
]);

const STRAYS: ReadonlyMap<number, Attributes> = new Map([
  [HttpStray.HTTP_MALFORMED_REQUEST, { [MESSAGE]: 'request' }],
  [HttpStray.HTTP_MALFORMED_RESPONSE, { [MESSAGE]: 'response' }],
  [HttpStray.HTTP_TLS, { [PROTOCOL]: 'tls' }],
  [HttpStray.HTTP_2, { [PROTOCOL]: 'http2' }],
]);

function methodName(method: number): string {
  return METHODS.get(method) ?? '_OTHER';
}

function statusName(status: number): string {
  return status === HTTP_OTHER_STATUS ? 'other' : String(status);
}

function roleName(role: number): string {
  return role === HttpRole.HTTP_SERVER ? 'server' : 'client';
}
