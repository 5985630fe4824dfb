import type { Exemplars } from '../metrics.ts';
import { FieldCursor } from './field-cursor.ts';
import { joinBytes } from './join-bytes.ts';
import type { PointSource } from './point-cells.ts';
import { DELIMITED, FIXED64, WireWriter } from './wire.ts';

/** Collects the exemplars of the points of one metric, in the order of the points. */
export class ExemplarCells {
  readonly #source: PointSource;
  readonly #field: FieldCursor;
  readonly #point: number[] = [];
  readonly #time: bigint[] = [];
  readonly #values: number[] = [];
  readonly #traceIds: Uint8Array[] = [];
  readonly #spanIds: Uint8Array[] = [];
  readonly #attributes: Uint8Array[] = [];
  #doubles = 0;

  constructor(source: PointSource) {
    this.#source = source;
    this.#field = new FieldCursor(source.bytes);
  }

  /** Exemplar: 2 time_unix_nano, 3 as_double, 4 span_id, 5 trace_id, 6 as_int, 7 filtered_attributes. Ids of wrong lengths count as none. */
  add(row: number, start: number, end: number): void {
    const { bytes, view } = this.#source;
    const field = this.#field;
    const attributes = new WireWriter(64);
    let time = 0n;
    let value = 0;
    let isDouble = false;
    let traceId: Uint8Array = NO_TRACE;
    let spanId: Uint8Array = NO_SPAN;
    field.enter(start, end);
    while (field.next()) {
      switch (field.tag) {
        case 2 * 8 + FIXED64:
          time = view.getBigUint64(field.start, true);
          break;
        case 3 * 8 + FIXED64:
          value = view.getFloat64(field.start, true);
          isDouble = true;
          break;
        case 4 * 8 + DELIMITED:
          if (field.end - field.start === 8) spanId = bytes.slice(field.start, field.end);
          break;
        case 5 * 8 + DELIMITED:
          if (field.end - field.start === 16) traceId = bytes.slice(field.start, field.end);
          break;
        case 6 * 8 + FIXED64:
          value = Number(view.getBigInt64(field.start, true));
          isDouble = false;
          break;
        case 7 * 8 + DELIMITED:
          attributes.bytes(1, bytes.subarray(field.start, field.end));
          break;
      }
    }
    if (isDouble) this.#doubles++;
    this.#point.push(row);
    this.#time.push(time);
    this.#values.push(value);
    this.#traceIds.push(traceId);
    this.#spanIds.push(spanId);
    this.#attributes.push(attributes.take());
  }

  build(): Exemplars {
    return {
      point: Uint32Array.from(this.#point),
      time: BigUint64Array.from(this.#time),
      values: Float64Array.from(this.#values),
      integer: this.#doubles === 0,
      traceIds: joinBytes(this.#traceIds),
      spanIds: joinBytes(this.#spanIds),
      attributes: this.#attributes,
    };
  }
}

const NO_TRACE = new Uint8Array(16);
const NO_SPAN = new Uint8Array(8);
