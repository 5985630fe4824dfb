/** OpenTelemetry's own interfaces, where the SDK speaks them. */
export type {
  Counter,
  Histogram as HistogramInstrument,
  Meter,
  ObservableCounter,
  ObservableGauge,
  ObservableResult,
  UpDownCounter,
} from '@opentelemetry/api';
