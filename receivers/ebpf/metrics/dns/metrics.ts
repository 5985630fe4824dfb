import { DnsAnswerKey, DnsKey } from '../../../../bpf/dns.gen.ts';
import { GROUP_WORD, type MetricFact } from '../../series/metric-fact.ts';

export const TYPE = 'dns.question.type';
export const RCODE = 'dns.response_code';
export const NAME = 'dns.question.name';
export const TRANSPORT = 'network.transport';
export const DIRECTION = 'network.io.direction';

const KEYS = ['collect_dns'];
const SEND = ['dns_send'];
const BOTH = ['dns_send', 'dns_receive'];
const QUERY_MAPS: MetricFact['maps'] = [{ object: 'dns', map: 'dns_queries', key: DnsKey.WORD }];
const STRAY_MAPS: MetricFact['maps'] = [{ object: 'dns', map: 'dns_strays', key: { stray: 0 } }];

export const QUERIES: MetricFact = {
  definition: {
    name: 'ebpf.dns.queries',
    unit: '{query}',
    seedName: 'ebpf_dns_queries_total',
    kind: 'counter',
    description:
      'DNS queries that the sockets of a process sent to the ports of dns_ports, in clear text, those that were sent again included.',
    exactness: 'exact',
  },
  own: { [TYPE]: 'type', [TRANSPORT]: 'transport' },
  keys: KEYS,
  needs: SEND,
  exactWith: [],
  maps: QUERY_MAPS,
};

export const REPEATED: MetricFact = {
  definition: {
    name: 'ebpf.dns.queries.repeated',
    unit: '{query}',
    seedName: 'ebpf_dns_queries_repeated_total',
    kind: 'counter',
    description: 'DNS queries that were sent again by the same socket, under the same id, before there was a response.',
    exactness: 'exact',
  },
  own: { [TYPE]: 'type', [TRANSPORT]: 'transport' },
  keys: KEYS,
  needs: SEND,
  exactWith: ['dns_receive'],
  maps: QUERY_MAPS,
};

export const UNANSWERED: MetricFact = {
  definition: {
    name: 'ebpf.dns.queries.unanswered',
    unit: '{query}',
    seedName: 'ebpf_dns_queries_unanswered_total',
    kind: 'counter',
    description: 'DNS queries without a response within dns_timeout, once each however often they were sent.',
    exactness: 'exact',
  },
  own: { [TYPE]: 'type', [TRANSPORT]: 'transport' },
  keys: KEYS,
  needs: BOTH,
  perEvent: [],
  exactWith: [],
  maps: QUERY_MAPS,
};

export const RESPONSES: MetricFact = {
  definition: {
    name: 'ebpf.dns.responses',
    unit: '{response}',
    seedName: 'ebpf_dns_responses_total',
    kind: 'counter',
    description: 'DNS responses that answer a query, of the process that asked, by type of the question and code.',
    exactness: 'exact',
  },
  own: { [TYPE]: 'type', [RCODE]: 'rcode' },
  keys: KEYS,
  needs: BOTH,
  perEvent: ['dns_receive'],
  exactWith: [],
  maps: [{ object: 'dns', map: 'dns_answers', key: DnsAnswerKey.WORD }],
};

export const LATENCY: MetricFact = {
  definition: {
    name: 'ebpf.dns.duration',
    unit: 'ns',
    otelUnit: 's',
    seedName: 'ebpf_dns_latency_ns',
    kind: 'histogram',
    description: 'Time from the first sending of a DNS query until its response reached the socket.',
    exactness: 'exact',
  },
  own: {},
  keys: KEYS,
  needs: BOTH,
  exactWith: [],
  maps: [
    { object: 'dns', map: 'dns_times', key: GROUP_WORD },
    { object: 'dns', map: 'all_dns_times', key: { all: 0 } },
  ],
};

export const UNMATCHED: MetricFact = {
  definition: {
    name: 'ebpf.dns.responses.unmatched',
    unit: '{response}',
    seedName: 'ebpf_dns_responses_unmatched_total',
    kind: 'counter',
    description: 'DNS responses that answer no query of their socket that waits: late, a second time, or forged.',
    exactness: 'exact',
  },
  own: {},
  keys: KEYS,
  needs: BOTH,
  perEvent: ['dns_receive'],
  exactWith: [],
  maps: STRAY_MAPS,
};

export const MALFORMED: MetricFact = {
  definition: {
    name: 'ebpf.dns.messages.malformed',
    unit: '{message}',
    seedName: 'ebpf_dns_messages_malformed_total',
    kind: 'counter',
    description: 'What went to or came from a port of dns_ports and has no whole header or question of DNS.',
    exactness: 'exact',
  },
  own: { [DIRECTION]: 'direction' },
  keys: KEYS,
  needs: SEND,
  exactWith: ['dns_receive'],
  maps: STRAY_MAPS,
};

/** Metrics of DNS. */
export const DNS_FACTS: readonly MetricFact[] = [
  QUERIES,
  REPEATED,
  UNANSWERED,
  RESPONSES,
  LATENCY,
  UNMATCHED,
  MALFORMED,
];
