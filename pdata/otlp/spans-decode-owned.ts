import type { AttributeSet } from '../attribute-set.ts';
import { EMPTY_ATTRIBUTES, trustedAttributes } from '../encoded-attributes.ts';
import type { SpanEvents, SpanLinks } from '../traces.ts';
import { ByteWords } from './byte-words.ts';
import { FieldCursor } from './field-cursor.ts';
import { CountCells, IdCells, TimeCells } from './row-cells.ts';
import { DELIMITED, FIXED32, FIXED64, VARINT, WireWriter } from './wire.ts';

/** Where messages are that belong to spans, in the order of the spans. */
export class OwnedRanges {
  readonly span: number[] = [];
  readonly start: number[] = [];
  readonly end: number[] = [];

  add(span: number, start: number, end: number): void {
    this.span.push(span);
    this.start.push(start);
    this.end.push(end);
  }
}

/** Event: 1 time_unix_nano, 2 name, 3 attributes, 4 dropped_attributes_count. */
export function decodeEvents(bytes: Uint8Array, { span, start, end }: OwnedRanges): SpanEvents {
  const { length } = span;
  const time = new TimeCells(bytes, length);
  const name = new ByteWords(bytes, length);
  const attributes = new SetCells(bytes, length);
  const dropped = new CountCells(length);
  const field = new FieldCursor(bytes);
  for (let event = 0; event < length; event++) {
    field.enter(start[event]!, end[event]!);
    while (field.next()) {
      switch (field.tag) {
        case 1 * 8 + FIXED64:
          time.set(event, field.start);
          break;
        case 2 * 8 + DELIMITED:
          name.set(event, field.start, field.end);
          break;
        case 3 * 8 + DELIMITED:
          attributes.add(field.start, field.end);
          break;
        case 4 * 8 + VARINT:
          dropped.set(event, field.uint32());
          break;
      }
    }
    attributes.close(event);
  }
  const droppedCounts = dropped.build();
  return {
    span: Uint32Array.from(span),
    time: time.all(),
    name: name.build(),
    attributes: attributes.sets,
    ...(droppedCounts && { dropped: droppedCounts }),
  };
}

/** Link: 1 trace_id, 2 span_id, 3 trace_state, 4 attributes, 5 dropped_attributes_count, 6 flags. */
export function decodeLinks(bytes: Uint8Array, { span, start, end }: OwnedRanges): SpanLinks {
  const { length } = span;
  const traceIds = new IdCells(bytes, length, 16);
  const spanIds = new IdCells(bytes, length, 8);
  const traceState = new ByteWords(bytes, length);
  const attributes = new SetCells(bytes, length);
  const dropped = new CountCells(length);
  const flags = new CountCells(length);
  const field = new FieldCursor(bytes);
  for (let link = 0; link < length; link++) {
    field.enter(start[link]!, end[link]!);
    while (field.next()) {
      switch (field.tag) {
        case 1 * 8 + DELIMITED:
          traceIds.set(link, field.start, field.end);
          break;
        case 2 * 8 + DELIMITED:
          spanIds.set(link, field.start, field.end);
          break;
        case 3 * 8 + DELIMITED:
          traceState.set(link, field.start, field.end);
          break;
        case 4 * 8 + DELIMITED:
          attributes.add(field.start, field.end);
          break;
        case 5 * 8 + VARINT:
          dropped.set(link, field.uint32());
          break;
        case 6 * 8 + FIXED32:
          flags.set(link, field.fixed32());
          break;
      }
    }
    attributes.close(link);
  }
  const droppedCounts = dropped.build();
  const linkFlags = flags.build();
  return {
    span: Uint32Array.from(span),
    traceIds: traceIds.all(),
    spanIds: spanIds.all(),
    traceState: traceState.build(),
    attributes: attributes.sets,
    ...(droppedCounts && { dropped: droppedCounts }),
    ...(linkFlags && { flags: linkFlags }),
  };
}

/** Attribute sets of messages, one after the other. */
class SetCells {
  readonly sets: AttributeSet[];
  readonly #bytes: Uint8Array;
  readonly #writer = new WireWriter();
  #size = 0;

  constructor(bytes: Uint8Array, length: number) {
    this.#bytes = bytes;
    this.sets = new Array<AttributeSet>(length).fill(EMPTY_ATTRIBUTES);
  }

  /** An attribute of the message that is being read: its KeyValue. */
  add(start: number, end: number): void {
    this.#writer.bytes(1, this.#bytes.subarray(start, end));
    this.#size++;
  }

  close(message: number): void {
    if (this.#size === 0) return;
    this.sets[message] = trustedAttributes(this.#writer.take(), this.#size);
    this.#size = 0;
  }
}
