import type { PlannedMemory, PlannedMetric, PlannedProgram } from 'bpflow/sdk';
import { needsOf } from '../kernel/needs.ts';
import { mapBytes } from '../plan/map-memory.ts';
import type { DescribedObjects } from './described-objects.ts';

/** What the user's own programs give, as `bpflow plan` tells it. */
export function planDescribed(
  described: DescribedObjects,
  cpus: number,
): { readonly metrics: readonly PlannedMetric[]; readonly memory: readonly PlannedMemory[] } {
  const metrics = described.metrics.map(({ metric, map, object }): PlannedMetric => {
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
  const memory = described.maps.map(
    (map): PlannedMemory => ({
      name: map.name,
      type: map.type,
      entries: map.maxEntries,
      bytes: mapBytes(map, cpus),
      grows: '',
    }),
  );
  return { metrics, memory };
}

/** Where a program of the user's is attached, and what it takes. */
export function planProgram(
  described: DescribedObjects,
  name: string,
): Pick<PlannedProgram, 'hook' | 'needs'> | undefined {
  const found = described.programs.find((program) => program.name === name);
  return found && { hook: found.hook, needs: needsOf(found.hook) };
}
