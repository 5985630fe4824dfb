import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { AggregationTemporality, type IMetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { ReaderOptions } from './metrics.ts';

/** Pushes the agent's own metrics as OTLP over HTTP. */
export function periodicOtlpReader(options: Extract<ReaderOptions, { kind: 'periodic' }>): IMetricReader {
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({
      url: options.url,
      headers: options.headers,
      timeoutMillis: options.timeoutMs,
      temporalityPreference:
        options.temporality === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
    }),
    exportIntervalMillis: options.intervalMs,
    // The SDK allows no longer one.
    exportTimeoutMillis: Math.min(options.timeoutMs, options.intervalMs),
  });
}
