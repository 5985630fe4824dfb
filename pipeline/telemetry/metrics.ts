import { createNoopMeter, type Meter } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import type { Logger } from '../../sdk/scope.ts';
import { boundedMeter } from './bounded-meter.ts';
import type { MetricsLevel } from './level.ts';

/** Where the agent's own metrics go. */
export type ReaderOptions =
  | { readonly kind: 'pull'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'periodic';
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly intervalMs: number;
      readonly timeoutMs: number;
      readonly temporality: 'cumulative' | 'delta';
    };

export interface MetricsOptions {
  readonly level: MetricsLevel;
  readonly readers: readonly ReaderOptions[];
  readonly resource: Resource;
  readonly log: Logger;
}

/** The agent's own metrics. */
export interface Metrics {
  readonly level: MetricsLevel;
  meter(name: string): Meter;
  /** Addresses of the pages served, for the operator: `http://localhost:8888/metrics`. */
  readonly pages: readonly string[];
  /** Hands out what is collected and closes; at most `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/** Makes the meters and starts the readers. Throws a PipelineError when a page's address cannot be had. */
export async function createMetrics(options: MetricsOptions): Promise<Metrics> {
  const { level, log } = options;
  if (level === 'none' || options.readers.length === 0) {
    return { level: 'none', meter: () => createNoopMeter(), pages: [], stop: async () => {} };
  }
  const { MeterProvider } = await import('@opentelemetry/sdk-metrics');
  const pages: string[] = [];
  const readers: IMetricReader[] = [];
  const stopReaders = (): Promise<unknown> => Promise.allSettled(readers.map((reader) => reader.shutdown()));
  try {
    for (const reader of options.readers) readers.push(await startReader(reader, log, pages));
  } catch (error) {
    await stopReaders();
    throw error;
  }
  const provider = new MeterProvider({ resource: options.resource, readers });
  const meters = new Map<string, Meter>();
  return {
    level,
    meter(name) {
      const known = meters.get(name) ?? boundedMeter(provider.getMeter(name), wallTime);
      meters.set(name, known);
      return known;
    },
    pages,
    async stop(timeoutMs) {
      try {
        await provider.shutdown({ timeoutMillis: timeoutMs });
      } catch (error) {
        log.warn('The last metrics of the agent itself were not handed out.', { error });
      }
    },
  };
}

function wallTime(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

async function startReader(options: ReaderOptions, log: Logger, pages: string[]): Promise<IMetricReader> {
  if (options.kind === 'pull') {
    const { PrometheusReader } = await import('./prometheus-reader.ts');
    const reader = new PrometheusReader({ host: options.host, port: options.port, log });
    await reader.start();
    const host = options.host.includes(':') ? `[${options.host}]` : options.host;
    pages.push(`http://${host}:${reader.address?.port ?? options.port}/metrics`);
    return reader;
  }
  const { periodicOtlpReader } = await import('./otlp-reader.ts');
  return periodicOtlpReader(options);
}
