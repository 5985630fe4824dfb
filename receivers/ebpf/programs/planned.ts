import type { PlannedMetric, PlannedProgram } from 'bpflow/sdk';
import { needsOf } from '../kernel/needs.ts';
import type { DescribedObjects } from './described-objects.ts';

/** Metrics of the user's own programs, as `bpflow plan` tells them. */
export function planMetrics(described: DescribedObjects): readonly PlannedMetric[] {
  return described.metrics.map(({ metric, map, object }): PlannedMetric => {
    const { name, seedName, kind, unit, exactness } = metric.definition;
    return {
      name,
      seedName,
      kind,
      unit,
      state: exactness === 'exact' ? 'exact' : 'inexact',
      reason: exactness === 'exact' ? '' : exactness.estimated,
      programs: object.programs.map((program) => program.name),
      needs: [...new Set(object.programs.flatMap(({ hook }) => needsOf(hook)))],
      memory: [map.name],
    };
  });
}

/** Where a program of the user's is attached, and what it takes. */
export function planProgram(
  described: DescribedObjects,
  name: string,
): Pick<PlannedProgram, 'hook' | 'needs'> | undefined {
  const found = described.programs.find((program) => program.name === name);
  return found && { hook: found.hook, needs: needsOf(found.hook) };
}
