import type { Signal } from '../../pdata/signals.ts';
import type { ComponentId } from '../../sdk/scope.ts';
import type { CatalogueEntry } from '../plugins/catalogue.ts';

/** A configured component: what to make, and from what. */
export interface PlannedComponent {
  readonly id: ComponentId;
  readonly entry: CatalogueEntry;
  /** Validated. */
  readonly config: unknown;
}

export interface PlannedPipeline {
  /** `metrics` or `metrics/2`. */
  readonly id: string;
  readonly signal: Signal;
  /** Receivers, and connectors that feed this pipeline. */
  readonly receivers: readonly PlannedComponent[];
  /** In the order of the data's way. */
  readonly processors: readonly PlannedComponent[];
  /** Exporters, and connectors that this pipeline feeds. */
  readonly exporters: readonly PlannedComponent[];
}

/** What the graph is built from: only what is used. */
export interface GraphPlan {
  readonly extensions: readonly PlannedComponent[];
  readonly pipelines: readonly PlannedPipeline[];
}

/** The pipelines as the configuration names them, for views. */
export function describePipelines(plan: GraphPlan): unknown {
  const ids = (components: readonly PlannedComponent[]): string[] => components.map(({ id }) => String(id));
  return plan.pipelines.map(({ id, signal, receivers, processors, exporters }) => ({
    id,
    signal,
    receivers: ids(receivers),
    processors: ids(processors),
    exporters: ids(exporters),
  }));
}
