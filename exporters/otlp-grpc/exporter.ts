import type { Exporter, Scope } from 'bpflow/sdk';
import { otlpExporter, type TlsClientSettings } from 'bpflow/transport';
import { GrpcClient } from './client.ts';
import type { OtlpGrpcConfig } from './config.ts';
import { grpcTarget } from './endpoint.ts';

export function createOtlpGrpcExporter(config: OtlpGrpcConfig, scope: Scope): Exporter {
  return otlpExporter({ scope, config, tls: tlsOf(config), open: (access) => GrpcClient.open({ config, ...access }) });
}

/** A scheme of `https://` wins over `insecure: true`, as in the Collector. */
function tlsOf({ endpoint, tls }: OtlpGrpcConfig): TlsClientSettings | undefined {
  return grpcTarget(endpoint).forceTls && tls !== undefined ? { ...tls, insecure: false } : tls;
}
