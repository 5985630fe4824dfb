import { type Exporter, type Scope, SIGNALS } from 'bpflow/sdk';
import { otlpExporter } from 'bpflow/transport';
import { HttpClient } from './client.ts';
import type { OtlpHttpConfig } from './config.ts';
import { signalUrl } from './urls.ts';

export function createOtlpHttpExporter(config: OtlpHttpConfig, scope: Scope): Exporter {
  const { clock, log } = scope;
  return otlpExporter({
    scope,
    config,
    tls: config.tls,
    signals: SIGNALS.filter((signal) => signalUrl(config, signal) !== undefined),
    open: (access) => new HttpClient({ config, ...access, clock, log }),
  });
}
