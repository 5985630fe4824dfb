import type { Signal } from '../../pdata/signals.ts';
import type { ConnectorSpec } from '../../sdk/component.ts';
import type { ComponentId } from '../../sdk/scope.ts';
import { buildErrors } from '../errors.ts';
import { type Branch, type Edge, fanOut } from './edges.ts';
import type { Node } from './node.ts';
import type { GraphPlan, PlannedComponent, PlannedPipeline } from './plan.ts';

/** A component that can be handed batches, and how. */
export interface Target {
  readonly node: Node;
  readonly branch: Branch;
}

export function join(targets: readonly Target[]): Edge {
  const seen = new Map<Edge, Branch>();
  for (const { branch } of targets) seen.set(branch.edge, branch);
  return fanOut([...seen.values()]);
}

/** A list of a pipeline may name a component twice; that is once. */
export function unique(list: readonly PlannedComponent[]): readonly PlannedComponent[] {
  return [...new Map(list.map((planned) => [`${planned.id.kind}/${planned.id}`, planned])).values()];
}

export function names(list: readonly PlannedComponent[], id: ComponentId): boolean {
  return list.some((planned) => planned.id.kind === id.kind && String(planned.id) === String(id));
}

/** Pipelines that a connector feeds with what it makes of a signal. */
export function fedBy(plan: GraphPlan, id: ComponentId, spec: ConnectorSpec, from: Signal): readonly PlannedPipeline[] {
  return plan.pipelines.filter(
    (pipeline) =>
      names(pipeline.receivers, id) && spec.connects.some((pair) => pair.from === from && pair.to === pipeline.signal),
  );
}

/** An error for each connector that is named as a receiver and gets nothing from any pipeline. */
export function unfedConnectors(plan: GraphPlan): readonly Error[] {
  const unfed = new Map<string, { readonly id: ComponentId; readonly pipelines: string[] }>();
  for (const pipeline of plan.pipelines) {
    for (const { id, entry } of unique(pipeline.receivers)) {
      if (id.kind !== 'connector') continue;
      const spec = entry.spec as ConnectorSpec;
      const sources = plan.pipelines.filter((source) => names(source.exporters, id));
      if (sources.some((source) => fedBy(plan, id, spec, source.signal).includes(pipeline))) continue;
      const report = unfed.get(String(id)) ?? { id, pipelines: [] };
      report.pipelines.push(pipeline.id);
      unfed.set(String(id), report);
    }
  }
  return [...unfed.values()].map(({ id, pipelines }) => buildErrors.connectorUnused(id, 'receiver', pipelines));
}
