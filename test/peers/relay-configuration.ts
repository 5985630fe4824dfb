import type { Configuration } from './agents.ts';
import type { Compression, Protocol } from './load.ts';
import type { Security } from './security.ts';

/** One hop: in by OTLP, out by OTLP. */
export interface Hop {
  /** Address of its receiver. */
  readonly listen: string;
  /** Address of what follows. */
  readonly target: string;
  readonly protocol: Protocol;
  readonly compression?: Compression;
  readonly security?: Security | undefined;
  /** False for a hop without `batch`. */
  readonly batch?: boolean;
  /** More keys of the exporter. */
  readonly exporter?: Readonly<Record<string, unknown>>;
  /** Address of the page on which it tells of itself; none without it. */
  readonly metrics?: string;
}

/** Both agents run this file: only keys of the Collector. */
export function relayConfiguration(hop: Hop): Configuration {
  const { protocol, security } = hop;
  const exporter = protocol === 'grpc' ? 'otlp_grpc' : 'otlp_http';
  const scheme = security === undefined ? 'http' : 'https';
  const pipeline = {
    receivers: ['otlp'],
    processors: hop.batch === false ? [] : ['batch'],
    exporters: [exporter],
  };
  return {
    receivers: {
      otlp: {
        protocols: {
          [protocol]: {
            endpoint: hop.listen,
            ...(protocol === 'grpc' ? { max_recv_msg_size_mib: 64 } : {}),
            ...(security === undefined
              ? {}
              : { tls: { cert_file: security.server, key_file: security.serverKey, client_ca_file: security.ca } }),
          },
        },
      },
    },
    processors: { batch: {} },
    exporters: {
      [exporter]: {
        endpoint: protocol === 'grpc' ? hop.target : `${scheme}://${hop.target}`,
        compression: hop.compression ?? 'none',
        tls:
          security === undefined
            ? { insecure: true }
            : { ca_file: security.ca, cert_file: security.client, key_file: security.clientKey },
        ...hop.exporter,
      },
    },
    service: {
      telemetry: { metrics: telemetryMetrics(hop.metrics) },
      pipelines: { metrics: pipeline, logs: pipeline, traces: pipeline },
    },
  };
}

/** Metrics of the agent itself at this address, or none. */
export function telemetryMetrics(address: string | undefined): Readonly<Record<string, unknown>> {
  if (address === undefined) return { level: 'none' };
  const [host, port] = address.split(':');
  return { readers: [{ pull: { exporter: { prometheus: { host, port: Number(port) } } } }] };
}
