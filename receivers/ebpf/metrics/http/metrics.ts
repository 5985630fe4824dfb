import { HttpAnswerKey, HttpKey, HttpTimeKey } from '../../../../bpf/http.gen.ts';
import type { MetricFact } from '../../series/metric-fact.ts';

export const METHOD = 'http.request.method';
export const STATUS = 'http.response.status_code';
export const ROLE = 'http.role';
export const MESSAGE = 'http.message.type';
export const PROTOCOL = 'network.protocol.name';

const KEYS = ['collect_http'];
const BOTH = ['http_send', 'http_receive'];
const REQUEST_MAPS: MetricFact['maps'] = [{ object: 'http', map: 'http_requests', key: HttpKey.WORD }];
/** When it is not to the message, and what then tells so. */
const unlessLost = () =>
  'exact while http_stream_lost and http_waiting_full of bpflow_ebpf_ledger are 0: what follows a gap in a head or in the size of a chunk, or 1,024 lines in one packet, is read again from the next turn on; of more than 32 requests that wait on a connection some have no time.';
const STRAY_MAPS: MetricFact['maps'] = [{ object: 'http', map: 'http_strays', key: { stray: 0 } }];

export const REQUESTS: MetricFact = {
  definition: {
    name: 'ebpf.http.requests',
    unit: '{request}',
    seedName: 'ebpf_http_requests_total',
    kind: 'counter',
    description:
      'HTTP/1.x requests in clear text, on the side of the client and on that of the server. HTTP in TLS, HTTP/2 and HTTP/3 are not seen.',
    exactness: 'exact',
  },
  own: { [METHOD]: 'method', [ROLE]: 'role' },
  near: unlessLost,
  keys: KEYS,
  needs: BOTH,
  perEvent: ['http_send'],
  exactWith: ['http_close'],
  maps: REQUEST_MAPS,
};

export const UNANSWERED: MetricFact = {
  definition: {
    name: 'ebpf.http.requests.unanswered',
    unit: '{request}',
    seedName: 'ebpf_http_requests_unanswered_total',
    kind: 'counter',
    description: 'HTTP/1.x requests whose socket the process closed before there was a response.',
    exactness: 'exact',
  },
  own: { [METHOD]: 'method', [ROLE]: 'role' },
  near: unlessLost,
  keys: KEYS,
  needs: [...BOTH, 'http_close'],
  perEvent: ['http_close'],
  exactWith: [],
  maps: REQUEST_MAPS,
};

export const RESPONSES: MetricFact = {
  definition: {
    name: 'ebpf.http.responses',
    unit: '{response}',
    seedName: 'ebpf_http_responses_total',
    kind: 'counter',
    description:
      'HTTP/1.x responses in clear text that answer a request, by code, on both sides; interim ones (1xx) come beside the final ones.',
    exactness: 'exact',
  },
  own: { [STATUS]: 'status', [ROLE]: 'role' },
  near: unlessLost,
  keys: KEYS,
  needs: BOTH,
  perEvent: ['http_receive'],
  exactWith: [],
  maps: [{ object: 'http', map: 'http_answers', key: HttpAnswerKey.WORD }],
};

export const DURATION: MetricFact = {
  definition: {
    name: 'ebpf.http.duration',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_http_duration_ns',
    kind: 'histogram',
    description:
      'Time from the first byte of an HTTP/1.x request to the first byte of its final response, each as it passes the socket.',
    exactness: 'exact',
  },
  own: { [ROLE]: 'role' },
  near: unlessLost,
  keys: KEYS,
  needs: BOTH,
  perEvent: ['http_receive'],
  exactWith: [],
  maps: [
    { object: 'http', map: 'http_times', key: HttpTimeKey.WORD },
    { object: 'http', map: 'all_http_times', key: { role: 0 } },
  ],
};

export const UNMATCHED: MetricFact = {
  definition: {
    name: 'ebpf.http.responses.unmatched',
    unit: '{response}',
    seedName: 'ebpf_http_responses_unmatched_total',
    kind: 'counter',
    description:
      'HTTP/1.x responses that answer no request that waits, as those to a connection that was idle for too long.',
    exactness: 'exact',
  },
  own: { [ROLE]: 'role' },
  keys: KEYS,
  needs: BOTH,
  perEvent: ['http_receive'],
  exactWith: [],
  maps: STRAY_MAPS,
};

export const MALFORMED: MetricFact = {
  definition: {
    name: 'ebpf.http.messages.malformed',
    unit: '{message}',
    seedName: 'ebpf_http_messages_malformed_total',
    kind: 'counter',
    description: 'What stands in an HTTP/1.x connection where a request, a response, a length or a chunk should begin.',
    exactness: 'exact',
  },
  own: { [MESSAGE]: 'message', [ROLE]: 'role' },
  keys: KEYS,
  needs: BOTH,
  perEvent: ['http_receive'],
  exactWith: [],
  maps: STRAY_MAPS,
};

export const UNREAD: MetricFact = {
  definition: {
    name: 'ebpf.http.connections.unread',
    unit: '{connection}',
    seedName: 'ebpf_http_connections_unread_total',
    kind: 'counter',
    description: 'TCP connections that begin with TLS or with the preface of HTTP/2: no request in them is counted.',
    exactness: 'exact',
  },
  own: { [PROTOCOL]: 'protocol', [ROLE]: 'role' },
  keys: KEYS,
  needs: BOTH,
  perEvent: ['http_receive'],
  exactWith: [],
  maps: STRAY_MAPS,
};

/** Metrics of HTTP. */
export const HTTP_FACTS: readonly MetricFact[] = [
  REQUESTS,
  UNANSWERED,
  RESPONSES,
  DURATION,
  UNMATCHED,
  MALFORMED,
  UNREAD,
];
