import { CLOSE_OBJECT, type JsonText } from './json-text.ts';
import type { WrittenLists } from './json-written.ts';

/** NumberDataPoint: 2 start_time_unix_nano, 3 time_unix_nano, 4 as_double, 6 as_int, 7 attributes. */
const START_TAG = 0x11;
const TIME_TAG = 0x19;
const DOUBLE_TAG = 0x21;
const INT_TAG = 0x31;
const ATTRIBUTES_TAG = 0x3a;

/** Both times, a value and a tag. */
const SHORTEST = 28;
const ATTRIBUTES = words('{"attributes":');
const AS_DOUBLE = words(',"asDouble":');
const AS_INT = words(',"asInt":');

/**
 * Writes most data points of counters and gauges in one step: times, a value, and attributes that were written before, in this
 * order and nothing else, as most encoders write them. 0.22 instead of 0.60 µs, attributes included.
 */
export class NumberPoints {
  readonly #written: WrittenLists;
  readonly #start = new TimeField(',"startTimeUnixNano":');
  readonly #time = new TimeField(',"timeUnixNano":');

  constructor(written: WrittenLists) {
    this.#written = written;
  }

  /** Writes the point in `[start, end)`; false, and nothing written, for any other. */
  write(text: JsonText, view: DataView, start: number, end: number): boolean {
    let at = start;
    if (end - start < SHORTEST || this.#written.rests) return false;
    const startTime = view.getUint8(at) === START_TAG ? at + 1 : 0;
    if (startTime > 0) at += 9;
    const time = view.getUint8(at) === TIME_TAG ? at + 1 : 0;
    if (time > 0) at += 9;
    const kind = view.getUint8(at);
    if (kind !== DOUBLE_TAG && kind !== INT_TAG) return false;
    const value = at + 1;
    at += 9;
    if (at >= end || view.getUint8(at) !== ATTRIBUTES_TAG) return false;
    const written = this.#written;
    const place = written.find(view, at, end);
    if (place < 0 || !written.isPlain(place)) return false;

    text.words(ATTRIBUTES.view, 0, ATTRIBUTES.length);
    written.copyText(place, text);
    if (startTime > 0) this.#start.write(text, view, startTime);
    if (time > 0) this.#time.write(text, view, time);
    if (kind === INT_TAG) {
      text.words(AS_INT.view, 0, AS_INT.length);
      text.int64(view.getUint32(value, true), view.getUint32(value + 4, true));
    } else {
      text.words(AS_DOUBLE.view, 0, AS_DOUBLE.length);
      text.double(view.getFloat64(value, true));
    }
    text.byte(CLOSE_OBJECT);
    return true;
  }
}

/** A field of 64 bits that most points of a batch have in common; its text is remembered. */
class TimeField {
  readonly #name: Words;
  readonly #text = new DataView(new ArrayBuffer(64));
  #length = 0;
  #low = 0;
  #high = 0;

  constructor(name: string) {
    this.#name = words(name);
  }

  /** Writes the field whose value is at `at`; nothing when it is zero. */
  write(text: JsonText, view: DataView, at: number): void {
    const low = view.getUint32(at, true);
    const high = view.getUint32(at + 4, true);
    if (low === this.#low && high === this.#high) {
      text.words(this.#text, 0, this.#length);
      return;
    }

    if (low === 0 && high === 0) return;
    const start = text.length;
    text.words(this.#name.view, 0, this.#name.length);
    text.uint64(low, high);
    const { bytes, length } = text;
    for (let i = start; i < length; i++) this.#text.setUint8(i - start, bytes[i]!);
    this.#length = length - start;
    this.#low = low;
    this.#high = high;
  }
}

interface Words {
  readonly view: DataView;
  readonly length: number;
}

/** ASCII with room behind it, as {@link JsonText.words} wants it. */
function words(ascii: string): Words {
  const bytes = new Uint8Array(ascii.length + 8);
  new TextEncoder().encodeInto(ascii, bytes);
  return { view: new DataView(bytes.buffer), length: ascii.length };
}
