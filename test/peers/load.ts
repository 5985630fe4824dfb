import assert from 'node:assert/strict';
import { RunningProgram } from './program.ts';
import { pathOf } from './programs.ts';
import type { Security } from './security.ts';

export type Protocol = 'grpc' | 'http';
export type Compression = 'none' | 'gzip' | 'zstd';

export interface Load {
  readonly endpoint: string;
  readonly protocol: Protocol;
  readonly signal?: 'metrics' | 'logs' | 'traces';
  readonly type?: 'gauge' | 'sum' | 'histogram';
  readonly requests: number;
  /** Points, records or spans in a request; 1,000 by default. */
  readonly points?: number;
  /** Distinct attribute sets; 1,000 by default. */
  readonly series?: number;
  readonly compression?: Compression;
  /** Requests in flight; 4 by default. */
  readonly concurrency?: number;
  readonly security?: Security | undefined;
  /** Sends what was refused again until it is taken. */
  readonly retry?: boolean;
  /** Longest time for one request, as Go writes it. */
  readonly timeout?: string;
  /** Longest time for all of them, as Go writes it. */
  readonly duration?: string;
  /** The time of every point, ns since 1970, so that two runs send the same. */
  readonly time?: bigint;
  /** The first id is one more. */
  readonly startId?: number;
  /** Points per second. */
  readonly rate?: number;
}

export interface LoadResult {
  readonly requests_ok: number;
  readonly requests_failed: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly points_ok: number;
  readonly points_rejected: number;
  readonly seconds: number;
  readonly points_per_s: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** Runs the load generator to its end. */
export async function send(load: Load): Promise<LoadResult> {
  const { protocol, security } = load;
  const scheme = security === undefined ? 'http' : 'https';
  const options: Readonly<Record<string, string | number | bigint | undefined>> = {
    endpoint: protocol === 'grpc' ? load.endpoint : `${scheme}://${load.endpoint}`,
    proto: protocol,
    signal: load.signal ?? 'metrics',
    type: load.type,
    requests: load.requests,
    points: load.points ?? 1000,
    series: load.series ?? 1000,
    concurrency: load.concurrency ?? 4,
    compression: load.compression ?? 'none',
    timeout: load.timeout,
    duration: load.duration ?? '10m',
    time: load.time,
    'start-id': load.startId,
    rate: load.rate,
    'tls-ca': security?.ca,
    'tls-cert': security?.client,
    'tls-key': security?.clientKey,
  };
  const words = Object.entries(options).flatMap(([key, value]) =>
    value === undefined ? [] : [`-${key}`, String(value)],
  );
  await using program = new RunningProgram([pathOf('loadgen'), ...words, ...(load.retry === true ? ['-retry'] : [])]);
  assert.equal(await program.ended(), 0, program.log);
  return JSON.parse(program.output) as LoadResult;
}
