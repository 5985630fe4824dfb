import { pick } from '../columns.ts';
import type { FlagColumn, PointColumns, TimeColumn } from '../metrics.ts';
import { withSent } from '../sent-points.ts';
import type { SeriesInterner } from '../series-interner.ts';
import type { InstrumentationScope, Resource } from '../series-table.ts';
import { AttributeRun } from './attribute-run.ts';
import { ExemplarCells } from './exemplar-cells.ts';
import type { FieldCursor } from './field-cursor.ts';

/** A request whose points are decoded. */
export class PointSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly interner: SeriesInterner;
  /** Of the point that is read. */
  readonly attributes = new AttributeRun();

  constructor(bytes: Uint8Array, interner: SeriesInterner) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.interner = interner;
  }

  double(at: number): number {
    return this.view.getFloat64(at, true);
  }

  /** An unsigned 64-bit integer; beyond 2^53 it is rounded. */
  uint64(at: number): number {
    return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
}

/** The points of one metric: what they belong to, and where their messages begin and end. */
export interface PointPlaces {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

/** The columns that every kind of point has. Start time is field 2, time is field 3 of all of them. */
export class PointCells {
  readonly source: PointSource;
  readonly #places: PointPlaces;
  readonly #ids: Uint32Array;
  readonly #startTime: BigUint64Array;
  readonly #time: BigUint64Array;
  /** The same memory. Halves are copied as they are: the machine must be little-endian, as protobuf is. */
  readonly #startHalves: Uint32Array;
  readonly #timeHalves: Uint32Array;
  #flags: Uint32Array | undefined;
  #exemplars: ExemplarCells | undefined;

  constructor(source: PointSource, places: PointPlaces) {
    const { length } = places.start;
    this.source = source;
    this.#places = places;
    this.#ids = new Uint32Array(length);
    const startTime = new BigUint64Array(length);
    const time = new BigUint64Array(length);
    this.#startTime = startTime;
    this.#time = time;
    this.#startHalves = new Uint32Array(startTime.buffer);
    this.#timeHalves = new Uint32Array(time.buffer);
  }

  /** Begins a row. */
  begin(): void {
    this.source.attributes.length = 0;
  }

  startTime(row: number, at: number): void {
    const { view } = this.source;
    this.#startHalves[row * 2] = view.getUint32(at, true);
    this.#startHalves[row * 2 + 1] = view.getUint32(at + 4, true);
  }

  time(row: number, at: number): void {
    const { view } = this.source;
    this.#timeHalves[row * 2] = view.getUint32(at, true);
    this.#timeHalves[row * 2 + 1] = view.getUint32(at + 4, true);
  }

  flags(row: number, field: FieldCursor): void {
    const flags = field.uint32();
    if (flags === 0 && this.#flags === undefined) return;
    this.#flags ??= new Uint32Array(this.#ids.length);
    this.#flags[row] = flags;
  }

  exemplar(row: number, start: number, end: number): void {
    this.#exemplars ??= new ExemplarCells(this.source);
    this.#exemplars.add(row, start, end);
  }

  /** Adds a `KeyValue` of the row. */
  attribute(start: number, end: number): void {
    this.source.attributes.add(this.source.view, start, end);
  }

  /** Ends the row: finds its series. */
  end(row: number): void {
    const { interner, attributes } = this.source;
    this.#ids[row] = interner.internScratch(this.#places.resource, this.#places.scope, attributes);
  }

  build(): PointColumns {
    const exemplars = this.#exemplars?.build();
    return {
      length: this.#ids.length,
      ids: this.#ids,
      time: timeColumn(this.#time, this.#timeHalves),
      startTime: timeColumn(this.#startTime, this.#startHalves),
      flags: flagColumn(this.#flags),
      ...(exemplars && { exemplars }),
    };
  }

  /** The points with the messages they came in; `rows` are theirs, undefined for all. */
  sent<P extends PointColumns>(points: P, rows?: Uint32Array): P {
    const { start, end } = this.#places;
    return withSent(points, {
      sources: [this.source.bytes],
      source: 0,
      start: rows === undefined ? start : pick(start, rows),
      end: rows === undefined ? end : pick(end, rows),
      series: this.source.interner.table,
    });
  }
}

/** One value where all are the same. */
function timeColumn(times: BigUint64Array, halves: Uint32Array): TimeColumn {
  const low = halves[0] ?? 0;
  const high = halves[1] ?? 0;
  for (let i = 2; i < halves.length; i += 2) if (halves[i] !== low || halves[i + 1] !== high) return times;
  return times[0] ?? 0n;
}

function flagColumn(flags: Uint32Array | undefined): FlagColumn {
  if (flags === undefined) return 0;
  const first = flags[0]!;
  return flags.every((value) => value === first) ? first : flags;
}
