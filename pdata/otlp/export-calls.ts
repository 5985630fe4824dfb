import type { Signal } from '../signals.ts';

/** Where OTLP takes export requests of a signal, and what the answers call items that were not taken. */
export interface ExportCall {
  /** Path of the gRPC method. */
  readonly method: string;
  /** Path over HTTP, unless it is configured. */
  readonly path: string;
  /** The field of `ExportXPartialSuccess` in JSON. */
  readonly rejected: string;
}

export const EXPORT_CALLS: Readonly<Record<Signal, ExportCall>> = {
  metrics: {
    method: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
    path: '/v1/metrics',
    rejected: 'rejectedDataPoints',
  },
  logs: {
    method: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
    path: '/v1/logs',
    rejected: 'rejectedLogRecords',
  },
  traces: {
    method: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    path: '/v1/traces',
    rejected: 'rejectedSpans',
  },
  profiles: {
    method: '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export',
    path: '/v1development/profiles',
    rejected: 'rejectedProfiles',
  },
};
