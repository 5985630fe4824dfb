import { Samples, type Source } from '../samples.ts';

/** The receiver with HTTP and nothing else. */
export const KEYS = {
  collect_syscalls: false,
  collect_file_io: false,
  collect_network: false,
  collect_http: true,
  exclude_processes: [],
  histogram_labels: ['process'],
};

export type HttpSide = 'client' | 'server';

/** What is known of the HTTP of a process on one side. */
export function http(process: string, role: HttpSide) {
  return (samples: Samples) => ({
    requests: samples.total('ebpf_http_requests_total', { process, role }),
    unanswered: samples.total('ebpf_http_requests_unanswered_total', { process, role }),
    responses: samples.total('ebpf_http_responses_total', { process, role }),
    timed: samples.total('ebpf_http_duration_ns_count', { process, role }),
  });
}

/** The same as it must be: all answered, unless said otherwise. */
export function counts(requests: number, rest: Partial<ReturnType<ReturnType<typeof http>>> = {}) {
  const responses = rest.responses ?? requests;
  return { requests, unanswered: 0, responses, timed: responses, ...rest };
}

/** What is counted on both sides of talks between two processes. */
export function bothSides(client: string, server: string) {
  return (samples: Samples) => ({ client: http(client, 'client')(samples), server: http(server, 'server')(samples) });
}

export function alike(side: ReturnType<typeof counts>) {
  return { client: side, server: side };
}

/** What is of no request, and of no process: others on this machine may have some, too. */
export function strays(samples: Samples) {
  return {
    unmatched: samples.by('role', 'ebpf_http_responses_unmatched_total'),
    malformed: samples.by('message', 'ebpf_http_messages_malformed_total'),
  };
}

/** What a source has counted since a moment; series that have not grown are left out. */
export class Since implements Source {
  readonly #source: Source;
  readonly #before: ReadonlyMap<string, number>;

  private constructor(source: Source, before: ReadonlyMap<string, number>) {
    this.#source = source;
    this.#before = before;
  }

  static async now(source: Source): Promise<Since> {
    const { list } = await source.read();
    return new Since(source, new Map(list.map(({ name, labels, value }) => [keyOf(name, labels), value])));
  }

  async read(): Promise<Samples> {
    const { list } = await this.#source.read();
    const grown = list.map((sample) => {
      const before = this.#before.get(keyOf(sample.name, sample.labels)) ?? 0;
      return { ...sample, value: sample.value - before };
    });
    return new Samples(grown.filter(({ name, value }) => value !== 0 || name.endsWith('_bucket')));
  }
}

function keyOf(name: string, labels: Readonly<Record<string, string>>): string {
  return name + JSON.stringify(labels);
}
