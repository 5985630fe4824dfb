import type { Attributes } from 'bpflow/sdk';
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
import { FedSource, feedsOf, pendingHistogram, pendingSum } from '../../series/fed-source.ts';
import { counted, timed } from '../../series/feed.ts';
import { HISTOGRAM_COUNTERS, type HistogramForm } from '../../series/histograms.ts';
import { isFed, type MetricFact } from '../../series/metric-fact.ts';
import type { MetricSource, SourceContext } from '../../series/metric-source.ts';
import type { PendingMetric } from '../../series/pending.ts';
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
export function httpSource(kernel: Kernel, options: HttpOptions): MetricSource {
  const sum = (fact: MetricFact) => pendingSum(fact, kernel, options);
  const ofNobody = (fact: MetricFact) => pendingSum(fact, kernel, { ...options, labels: [] });
  const requests = sum(REQUESTS);
  const unanswered = sum(UNANSWERED);
  const responses = sum(RESPONSES);
  const duration = pendingHistogram(DURATION, kernel, options);
  const unmatched = ofNobody(UNMATCHED);
  const malformed = ofNobody(MALFORMED);
  const unread = ofNobody(UNREAD);
  const all: readonly (readonly [MetricFact, PendingMetric])[] = [
    [REQUESTS, requests],
    [UNANSWERED, unanswered],
    [RESPONSES, responses],
    [DURATION, duration],
    [UNMATCHED, unmatched],
    [MALFORMED, malformed],
    [UNREAD, unread],
  ];

  const feed = feedsOf('http', kernel, options);
  const request = new HttpKey();
  const answer = new HttpAnswerKey();
  const times = { counters: HISTOGRAM_COUNTERS, labels: options.histogramLabels, targets: [timed(duration)] };
  const roleAt = (word: number) => (key: Uint32Array, at: number) => ({ [ROLE]: roleName(key[at + word]!) });
  const { group, role } = HttpTimeKey.WORD;
  /** By `enum http_stray`. */
  const strays = [unmatched, malformed, malformed, unread, unread].map((each) => [counted(each)]);
  const strayOf = (slot: number) => Math.floor(slot / HttpRole.HTTP_ROLES);
  return new FedSource({
    metrics: all.filter(([fact]) => isFed(fact, kernel)).map(([, metric]) => metric),
    bounded: [
      feed('http_requests', {
        counters: HttpValue.WORDS / 2,
        groupWord: HttpKey.WORD.group,
        own: (key, at) => {
          const { method, role } = request.move(key, at);
          return { [METHOD]: METHODS.get(method) ?? '_OTHER', [ROLE]: roleName(role) };
        },
        targets: [requests, unanswered].map((each, counter) => counted(each, { counter })),
      }),
      feed('http_answers', {
        counters: 1,
        groupWord: HttpAnswerKey.WORD.group,
        own: (key, at) => {
          const { status, role } = answer.move(key, at);
          return { [STATUS]: status === HTTP_OTHER_STATUS ? 'other' : String(status), [ROLE]: roleName(role) };
        },
        targets: [counted(responses)],
      }),
      ...(options.timesByGroup ? [feed('http_times', { ...times, groupWord: group, own: roleAt(role) })] : []),
    ],
    others: [
      feed('all_http_times', { ...times, own: roleAt(0) }),
      feed('http_strays', {
        counters: 1,
        labels: [],
        own: (key, at) => ({ ...STRAYS.get(strayOf(key[at]!)), [ROLE]: roleName(key[at]! % HttpRole.HTTP_ROLES) }),
        targets: (key, at) => strays[strayOf(key[at]!)]!,
      }),
    ],
  });
}

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

function roleName(role: number): string {
  return role === HttpRole.HTTP_SERVER ? 'server' : 'client';
}
