import type {
  AttributeSet,
  Attributes,
  BpfMap,
  InstrumentationScope,
  MetricDefinition,
  SeriesInterner,
} from 'bpflow/sdk';
import { attributeSet, defineMetric } from 'bpflow/sdk';
import type { Counters } from './counters.ts';
import type { Group, Groups } from './groups.ts';
import { groupAttributes, groupKey, LABEL_ATTRIBUTES, type Label } from './labels.ts';
import type { PendingMetric } from './pending.ts';
import type { SeriesIdentity, SeriesSet } from './series.ts';

/** A group of metrics that are read from maps of the kernel half. */
export interface MetricSource {
  readonly metrics: readonly PendingMetric[];
  /** Maps of counters that feed the metrics; none where nothing is counted in the kernel. */
  readonly counters?: readonly Counters[];
  /** Reads the maps and adds what has grown to the metrics. */
  collect(): void;
  /** Deletes what the maps have of these groups and ends their series. */
  forget(groups: ReadonlySet<number>): void;
  /** Maps whose room is limited, with what is in them. */
  usage(): readonly MapUsage[];
}

export interface MapUsage {
  readonly map: BpfMap;
  readonly entries: number;
}

/** What every source needs to turn keys of the kernel into series. */
export interface SourceContext {
  readonly groups: Groups;
  readonly interner: SeriesInterner;
  readonly scope: InstrumentationScope;
  readonly labels: readonly Label[];
  readonly histogramLabels: readonly Label[];
  readonly batch: boolean;
}

/** Opens the series of a group with attributes of its own. */
export function openGroupSeries(series: SeriesSet, group: Group, labels: readonly Label[], own: Attributes): number {
  const told = Object.entries(own).map(([name, value]) => `${name}=${value}`);
  return series.open(`${groupKey(group, labels)}${told.join('\n')}`, () => identify(group, labels, own));
}

function identify(group: Group, labels: readonly Label[], attributes: Attributes): SeriesIdentity {
  const all: AttributeSet = attributeSet({ ...groupAttributes(group, labels), ...attributes });
  return { resource: group.resource, attributes: all, ...(group.gate && { gate: group.gate }) };
}

/** Attributes of these labels with their names on the page, for a metric's definition. */
export function labelNames(labels: readonly Label[]): Record<string, string> {
  return Object.fromEntries(labels.map((label) => [LABEL_ATTRIBUTES[label], label]));
}

/**
 * A metric as it is on this machine: where programs that it needs are missing it says so in its name, its description and its
 * exactness.
 */
export function declare(definition: MetricDefinition, lost: readonly string[]): MetricDefinition {
  if (lost.length === 0) return defineMetric(definition);
  return defineMetric({
    ...definition,
    name: `${definition.name}.inexact`,
    seedName: inexactSeedName(definition.seedName),
    exactness: { estimated: lost.join(' ') },
  });
}

/** The name on the page of a metric that is inexact here; units and `_total` stay at its end. */
export function inexactSeedName(name: string): string {
  return name.replace(/(_ns|_us|_total)?$/, '_inexact$1');
}
