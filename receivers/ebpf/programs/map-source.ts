import type { BpfMap } from 'bpflow/sdk';
import { MapEntries } from '../kernel/map-entries.ts';
import type { MapUsage, MetricSource } from '../series/metric-source.ts';
import type { PendingMetric } from '../series/pending.ts';
import type { MapMetric, MetricContext, Pending } from './map-metric.ts';

const NOT_OPEN = -1;

/** What is larger is no number that a program has counted or measured, but memory that it did not set. */
const LARGEST = 2 ** 50;

/** What is known of an entry, for each metric of the map. */
interface Row {
  readonly last: readonly BigInt64Array[];
  readonly series: Int32Array;
  /** The reading that found it last. */
  seen: number;
}

/**
 * A map of a program that is not the agent's, and the metrics of it. An entry that is gone ends its series; one that has less than
 * before was made anew, and counts from 0.
 */
export class MapSource implements MetricSource {
  readonly metrics: readonly PendingMetric[];
  readonly #shapes: readonly MapMetric[];
  readonly #pending: readonly Pending[];
  readonly #entries: MapEntries;
  readonly #rows = new Map<string, Row>();
  /** What an entry has now, and what it has grown by, for each metric. */
  readonly #now: readonly BigInt64Array[];
  readonly #told: readonly Float64Array[];
  #readings = 0;

  constructor(map: BpfMap, shapes: readonly MapMetric[], context: MetricContext & { readonly batch: boolean }) {
    this.#shapes = shapes;
    this.#entries = new MapEntries(map, context);
    this.#pending = shapes.map((shape) => shape.pending(context));
    this.metrics = this.#pending.map(({ metric }) => metric);
    this.#now = shapes.map(({ width }) => new BigInt64Array(width));
    this.#told = shapes.map(({ width }) => new Float64Array(width));
  }

  collect(): void {
    for (const { reset } of this.#pending) reset?.();
    const { map, cpus, cpuBytes } = this.#entries;
    const count = this.#entries.read();
    const reading = ++this.#readings;
    const { keys, values } = this.#entries;
    for (let i = 0; i < count; i++) {
      const key = new DataView(keys.buffer, i * map.keySize, map.keySize);
      const row = this.#rowOf(key);
      row.seen = reading;
      for (const now of this.#now) now.fill(0n);
      for (let cpu = 0; cpu < cpus; cpu++) {
        const value = new DataView(values.buffer, i * map.stride + cpu * cpuBytes, map.valueSize);
        for (const [m, shape] of this.#shapes.entries()) shape.addTo(this.#now[m]!, value);
      }
      for (let m = 0; m < this.#shapes.length; m++) this.#take(row, m, key);
    }
    for (const [key, row] of this.#rows) if (row.seen !== reading) this.#end(key, row);
  }

  forget(): void {
    // Nothing here belongs to a group.
  }

  usage(): readonly MapUsage[] {
    const { map } = this.#entries;
    return map.type.endsWith('array') ? [] : [{ map, entries: this.#rows.size }];
  }

  #rowOf(key: DataView): Row {
    const text = Buffer.from(key.buffer as ArrayBuffer, key.byteOffset, key.byteLength).toString('latin1');
    const known = this.#rows.get(text);
    if (known !== undefined) return known;
    const last = this.#shapes.map(({ width }) => new BigInt64Array(width));
    const row = { last, series: new Int32Array(this.#shapes.length).fill(NOT_OPEN), seen: 0 };
    this.#rows.set(text, row);
    return row;
  }

  /** Adds a value to a metric: as it stands to a gauge, what it has grown by to all else. Entries of 0 have no series until then. */
  #take(row: Row, m: number, key: DataView): void {
    const [now, told] = [this.#now[m]!, this.#told[m]!];
    const { metric, add, reset } = this.#pending[m]!;
    if (row.series[m] === NOT_OPEN) {
      if (now.every((number) => number === 0n)) return;
      row.series[m] = this.#shapes[m]!.open(metric.series, key);
    }
    if (reset === undefined) grow(told, now, row.last[m]!);
    else told[0] = Number(now[0]);
    const least = reset === undefined ? 0 : -LARGEST;
    if (told.every((number) => number >= least && number <= LARGEST)) add(row.series[m]!, told);
  }

  #end(key: string, { series }: Row): void {
    this.#rows.delete(key);
    for (const [m, number] of series.entries()) {
      if (number !== NOT_OPEN) this.#pending[m]!.metric.series.close(number);
    }
  }
}

/** Tells what numbers have grown by since `last`, which becomes them. Less than before is counted anew. */
function grow(told: Float64Array, now: BigInt64Array, last: BigInt64Array): void {
  const isAnew = now.some((number, i) => number < last[i]!);
  for (let i = 0; i < now.length; i++) told[i] = Number(isAnew ? now[i]! : now[i]! - last[i]!);
  last.set(now);
}
