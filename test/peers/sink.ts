import assert from 'node:assert/strict';
import { freeAddresses, RunningProgram, until } from './program.ts';
import { pathOf } from './programs.ts';
import type { Security } from './security.ts';

/** What `GET /stats` of the sink tells, as far as tests read it. Items of refused requests are not among the counts. */
export interface SinkCounts {
  readonly requests: number;
  readonly requests_failed: number;
  readonly points: number;
  readonly logs: number;
  readonly spans: number;
  /** Of profiles. */
  readonly samples: number;
  readonly encodings: Readonly<Record<string, number>>;
  readonly methods: Readonly<Record<string, number>>;
  readonly last_metadata: Readonly<Record<string, string>>;
  /** Seconds between the first and the last request. */
  readonly span_s?: number;
  readonly ids: Readonly<Record<string, SinkIds>>;
}

export interface SinkIds {
  readonly total: number;
  readonly distinct: number;
  readonly duplicates: number;
  readonly missing?: number;
}

/** What goes wrong from now on; what is not named stays as it is. */
export interface Fault {
  readonly 'fail-first'?: number;
  readonly code?: string;
  readonly 'retry-info-ms'?: number;
  readonly partial?: number;
  readonly 'delay-ms'?: number;
  /** Closes every connection in the middle of each of the next so many requests. */
  readonly cut?: number;
}

export interface SinkOptions {
  readonly security?: Security;
  /** File that gets each request. */
  readonly dump?: string;
  /** Addresses to listen on, where somebody knows them already. */
  readonly addresses?: readonly string[];
}

/** The OTLP server at the end of the way. */
export class Sink implements AsyncDisposable {
  readonly grpc: string;
  readonly http: string;
  readonly #stats: string;
  readonly #program: RunningProgram;

  private constructor(addresses: readonly string[], options: SinkOptions) {
    const [grpc, http, stats] = addresses as [string, string, string];
    this.grpc = grpc;
    this.http = http;
    this.#stats = `http://${stats}`;
    const { security, dump } = options;
    this.#program = new RunningProgram([
      pathOf('sink'),
      ...['-grpc', grpc, '-http', http, '-stats', stats],
      ...(dump === undefined ? [] : ['-dump', dump]),
      ...(security === undefined
        ? []
        : ['-tls-cert', security.server, '-tls-key', security.serverKey, '-tls-client-ca', security.ca]),
    ]);
  }

  static async start(options: SinkOptions = {}): Promise<Sink> {
    const sink = new Sink(options.addresses ?? (await freeAddresses(3)), options);
    await until(
      () => sink.counts().then(Boolean, () => false),
      () => `The sink does not answer: ${sink.#program.log}`,
      () => sink.#program.hasEnded,
    );
    return sink;
  }

  /** `expect`: the last of the ids 1, 2, … that should be there. */
  async counts(expect?: number): Promise<SinkCounts> {
    const response = await fetch(`${this.#stats}/stats${expect === undefined ? '' : `?expect=1-${expect}`}`);
    return (await response.json()) as SinkCounts;
  }

  async fault(fault: Fault): Promise<void> {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(fault)) query.set(key, String(value));
    assert.ok((await fetch(`${this.#stats}/fault?${query}`, { method: 'POST' })).ok);
  }

  async reset(): Promise<void> {
    assert.ok((await fetch(`${this.#stats}/reset`, { method: 'POST' })).ok);
  }

  stop(): Promise<number | null> {
    return this.#program.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}
