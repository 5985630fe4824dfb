import {
  attributeSet,
  type BpfMap,
  defineMetric,
  EMPTY_RESOURCE,
  type InstrumentationScope,
  type MapLayout,
  type MetricDefinition,
  prometheusLabelName,
  prometheusMetricName,
  type SeriesInterner,
  type StructLayout,
  type StructMember,
} from 'bpflow/sdk';
import { PendingGauge } from '../series/gauges.ts';
import type { PendingMetric } from '../series/pending.ts';
import { SeriesSet } from '../series/series.ts';
import { PendingSum } from '../series/sums.ts';
import type { DescribedMetric } from './description.ts';
import { isNumber, numberAt } from './number.ts';
import { FIRST_BUCKET, PendingBuckets, SUM } from './pending-buckets.ts';
import { type TextOf, textOf } from './text.ts';

/** Names that are the agent's own. */
const RESERVED = /^(?:ebpf|bpflow)[._]/;

export interface MetricContext {
  readonly interner: SeriesInterner;
  readonly scope: InstrumentationScope;
}

/** How a metric is made of a map's entries: which numbers of a value it takes, and the labels that a key stands for. */
export class MapMetric {
  readonly definition: MetricDefinition;
  /** Numbers that are read of a value: one, or each bucket and the sum. */
  readonly width: number;
  readonly #described: DescribedMetric;
  readonly #value: StructMember;
  readonly #sum: StructMember | undefined;
  readonly #texts: readonly (readonly [attribute: string, text: TextOf])[];

  /** Throws an Error for what cannot be had of this map. */
  constructor(name: string, described: DescribedMetric, layout: MapLayout) {
    this.#described = described;
    this.#value = memberOf('value', layout.value, described.value, described.map);
    this.#sum = described.sum === undefined ? undefined : memberOf('value', layout.value, described.sum, described.map);
    this.#texts = Object.entries(described.labels).map(([attribute, label]) => {
      const isAlone = layout.key?.members.length === 1 && layout.key.members[0]!.name === '';
      const member = memberOf('key', layout.key, isAlone ? label.member : (label.member ?? attribute), described.map);
      return [attribute, textOf(member, label)] as const;
    });
    const buckets = described.kind === 'histogram' ? checkBuckets(this.#value, described) : undefined;
    if (buckets === undefined && !isNumber(this.#value)) throw new Error(`${called(this.#value)} is not one number`);
    if (this.#sum !== undefined && !isNumber(this.#sum)) throw new Error(`${called(this.#sum)} is not one number`);
    this.width = buckets === undefined ? 1 : FIRST_BUCKET + buckets;
    this.definition = define(name, described);
  }

  /** Adds the numbers of a value to `into`, which has room for {@link width}. */
  addTo(into: BigInt64Array, value: DataView): void {
    const first = this.width === 1 ? 0 : FIRST_BUCKET;
    for (let i = first; i < this.width; i++) into[i]! += BigInt(numberAt(value, this.#value, i - first));
    if (this.#sum !== undefined) into[SUM]! += BigInt(numberAt(value, this.#sum, 0));
  }

  /** Opens the series of a key. */
  open(series: SeriesSet, key: DataView): number {
    const told = this.#texts.map(([attribute, text]) => [attribute, text(key)] as const);
    return series.open(JSON.stringify(told), () => ({
      resource: EMPTY_RESOURCE,
      attributes: attributeSet(Object.fromEntries(told)),
    }));
  }

  pending({ interner, scope }: MetricContext): Pending {
    const series = new SeriesSet(interner, scope);
    const { kind, bounds } = this.#described;
    switch (kind) {
      case 'counter': {
        const metric = new PendingSum(this.definition, series);
        return { metric, add: (number, grown) => metric.add(number, grown[0]!), reset: undefined };
      }
      case 'gauge': {
        const metric = new PendingGauge(this.definition, series);
        return { metric, add: (number, now) => metric.add(number, now[0]!), reset: () => metric.reset() };
      }
      case 'histogram': {
        const metric = new PendingBuckets(
          this.definition,
          series,
          bounds ?? log2Bounds(this.width - FIRST_BUCKET),
          !!this.#sum,
        );
        return { metric, add: (number, grown) => metric.add(number, grown), reset: undefined };
      }
      default:
        return kind satisfies never;
    }
  }
}

/** A metric to add to. What stands now is added anew after each `reset`; without that, what has grown is added. */
export interface Pending {
  readonly metric: PendingMetric;
  add(series: number, numbers: Float64Array): void;
  readonly reset: (() => void) | undefined;
}

/** Upper bounds of slots of whole numbers: slot k has those from 2^k to 2^(k+1) - 1, the first 0 too, the last all above. */
function log2Bounds(slots: number): readonly number[] {
  return Array.from({ length: slots - 1 }, (_, k) => 2 ** (k + 1) - 1);
}

/** How many there are. */
function checkBuckets(member: StructMember, { bounds }: DescribedMetric): number {
  const { length, kind } = member;
  if (length === undefined || kind !== 'uint') {
    throw new Error(`${called(member)} is no array of unsigned numbers, which a histogram takes`);
  }
  if (length < 2 || length > 256) throw new Error(`${called(member)} has ${length} buckets; it must be 2 to 256`);
  if (bounds !== undefined && bounds.length !== length - 1) {
    throw new Error(`${called(member)} has ${length} buckets, which takes ${length - 1} bounds, not ${bounds.length}`);
  }
  return length;
}

function define(name: string, described: DescribedMetric): MetricDefinition {
  const { kind, unit, description, estimated, labels } = described;
  const seedName =
    described.page_name ?? prometheusMetricName({ name, unit, type: kind }, 'UnderscoreEscapingWithSuffixes');
  for (const each of [name, seedName]) {
    if (RESERVED.test(each)) throw new Error(`names that begin with ebpf or bpflow are the agent's own`);
  }
  const attributes = Object.fromEntries(Object.keys(labels).map((key) => [key, prometheusLabelName(key)]));
  const exactness = estimated === undefined ? ('exact' as const) : { estimated };
  return defineMetric({ name, unit, seedName, kind, description, exactness, attributes });
}

/** The member of this name; without one, the only member that there is. */
function memberOf(
  part: 'key' | 'value',
  layout: StructLayout | undefined,
  name: string | undefined,
  map: string,
): StructMember {
  if (layout === undefined) {
    throw new Error(`the object does not tell the type of the ${part} of ${map}: declare it by __type(${part}, …)`);
  }
  const found = layout.members.filter((each) => name === undefined || each.name === name);
  if (found.length === 1) return found[0]!;
  const names = layout.members.map((each) => each.name);
  if (names[0] === '') throw new Error(`the ${part} of ${map} is one ${layout.members[0]!.type} and has no members`);
  const wanted = name === undefined ? 'name one of its members' : `there is no ${name}`;
  throw new Error(`the ${part} of ${map} (struct ${layout.name}) has ${names.join(', ')}: ${wanted}`);
}

function called({ name, type }: StructMember): string {
  return name === '' ? `the value (${type})` : `${name} (${type})`;
}

/** Whether a map of this type has entries that can be read. */
export function hasEntries({ type }: BpfMap): boolean {
  return /^(?:lru_)?(?:percpu_)?(?:hash|array)$/.test(type);
}
