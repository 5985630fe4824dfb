import type { Samples } from '../samples.ts';

/** The receiver with DNS and nothing else. */
export const KEYS = {
  collect_syscalls: false,
  collect_file_io: false,
  collect_network: false,
  collect_dns: true,
  exclude_processes: [],
  histogram_labels: ['process'],
};

/** What is known of the DNS of a process. */
export function dns(process: string) {
  return (samples: Samples) => ({
    queries: samples.total('ebpf_dns_queries_total', { process }),
    repeated: samples.total('ebpf_dns_queries_repeated_total', { process }),
    unanswered: samples.total('ebpf_dns_queries_unanswered_total', { process }),
    responses: samples.total('ebpf_dns_responses_total', { process }),
    timed: samples.total('ebpf_dns_latency_ns_count', { process }),
  });
}

/** The same as it must be: all answered, unless said otherwise. */
export function counts(queries: number, rest: Partial<ReturnType<ReturnType<typeof dns>>> = {}) {
  const responses = rest.responses ?? queries;
  return { queries, repeated: 0, unanswered: 0, responses, timed: responses, ...rest };
}

/** Messages of no process. */
export function strays(samples: Samples) {
  return {
    unmatched: samples.total('ebpf_dns_responses_unmatched_total'),
    malformed: samples.by('direction', 'ebpf_dns_messages_malformed_total'),
  };
}
