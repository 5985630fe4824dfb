import type { Scope, Signal } from 'bpflow/sdk';
import { REASONS } from './finding.ts';

/** What the processor tells of itself. */
export interface Telemetry {
  /** Items that were handed on: first those with names, then by reason, as in {@link REASONS}. */
  passed(signal: Signal, reasons: Uint32Array): void;
}

export interface TelemetryOptions {
  readonly held: () => number;
  /** Resources that are known. */
  readonly subjects: () => number;
}

export function createTelemetry(scope: Scope, options: TelemetryOptions): Telemetry {
  const attributes = { processor: String(scope.id) };
  const { meter } = scope;
  const enriched = meter.createCounter('bpflow_k8s_enrich_enriched', {
    description: 'Number of items that got the names of their pod, container or unit.',
    unit: '{item}',
  });
  const unenriched = meter.createCounter('bpflow_k8s_enrich_unenriched', {
    description: 'Number of items that passed without names, by reason.',
    unit: '{item}',
  });
  meter
    .createObservableGauge('bpflow_k8s_enrich_held', {
      description: 'Number of items that wait for their names.',
      unit: '{item}',
    })
    .addCallback((result) => result.observe(options.held(), attributes));
  meter
    .createObservableGauge('bpflow_k8s_enrich_resources', {
      description: 'Number of resources that are known.',
      unit: '{resource}',
    })
    .addCallback((result) => result.observe(options.subjects(), attributes));
  return {
    passed(signal, reasons) {
      if (reasons[0]! > 0) enriched.add(reasons[0]!, { ...attributes, signal });
      for (const [i, reason] of REASONS.entries()) {
        const items = reasons[i + 1]!;
        if (items > 0) unenriched.add(items, { ...attributes, signal, reason });
      }
    },
  };
}
