import { hashView } from '../hash-bytes.ts';
import type { JsonText } from './json-text.ts';

const ARENA_BYTES = 4 * 1024 * 1024;
/** In pairs: a list has one of two places. */
const PLACES = 16_384;
/** Shorter ones are written in the same time, longer ones are rare. */
const MIN_BYTES = 24;
const MAX_BYTES = 1024;
const MAX_TEXT_BYTES = 8 * MAX_BYTES;
/** Lists that are not looked for after it turned out that too few come again, for each one that was noted in vain. */
const REST = 8;

/**
 * JSON of attribute lists by the protobuf bytes they were made of, for who writes the same series again and again: 0.15 instead of 0.6 µs
 * for a list of five. Holds 4 MiB, about 10,000 lists, and begins again when they are full; when most of them
 * were of no use, it rests for a while.
 *
 *     arena   [ protobuf | JSON ][ protobuf | JSON ] …
 */
export class WrittenLists {
  readonly #arena = new Uint8Array(ARENA_BYTES);
  readonly #view = new DataView(this.#arena.buffer);
  readonly #hashes = new Int32Array(PLACES);
  /** Where in the arena an entry begins; its lengths, of protobuf and of JSON. */
  readonly #starts = new Int32Array(PLACES);
  readonly #sourceLengths = new Uint16Array(PLACES);
  readonly #textLengths = new Uint16Array(PLACES);
  readonly #plain = new Uint8Array(PLACES);
  /** The place that was found after this one, the last time: series come in the same order again. */
  readonly #following = new Uint16Array(PLACES);
  #last = 0;
  #end = 0;
  #noted = 0;
  #found = 0;
  #resting = 0;
  /** Of the list that {@link find} was last asked for. */
  hash = 0;

  /** The place of the list in `[start, end)`; negative when it is not there. */
  find(view: DataView, start: number, end: number): number {
    const length = end - start;
    if (length < MIN_BYTES || length > MAX_BYTES) return ABSENT;
    if (this.#resting > 0) {
      this.#resting--;
      return ABSENT;
    }
    const following = this.#following[this.#last]!;
    if (this.#is(following, view, start, length)) return this.#hit(following);
    const hash = hashView(view, start, end, 0);
    this.hash = hash;
    let place = hash & (PLACES - 1);
    if (this.#hashes[place] !== hash || !this.#is(place, view, start, length)) {
      place ^= 1;
      if (this.#hashes[place] !== hash || !this.#is(place, view, start, length)) return UNKNOWN;
    }
    this.#following[this.#last] = place;
    return this.#hit(place);
  }

  /** Whether nothing is looked for at present. */
  get rests(): boolean {
    return this.#resting > 0;
  }

  copyText(place: number, target: JsonText): void {
    target.words(this.#view, this.#starts[place]! + this.#sourceLengths[place]!, this.#textLengths[place]!);
  }

  /** Whether the list was noted as plain. */
  isPlain(place: number): boolean {
    return this.#plain[place] === 1;
  }

  /** Notes the JSON of a list that {@link find} called {@link UNKNOWN}; `plain`: the bytes are its items and nothing else. */
  note(hash: number, source: Uint8Array, text: Uint8Array, plain: boolean): void {
    const { length } = source;
    if (text.length > MAX_TEXT_BYTES) return;
    if (this.#end + length + text.length + 7 > ARENA_BYTES) this.#beginAgain();
    const first = hash & (PLACES - 1);
    const place = this.#sourceLengths[first] !== 0 && this.#sourceLengths[first ^ 1] === 0 ? first ^ 1 : first;
    this.#hashes[place] = hash;
    this.#starts[place] = this.#end;
    this.#sourceLengths[place] = length;
    this.#textLengths[place] = text.length;
    this.#plain[place] = plain ? 1 : 0;
    this.#arena.set(source, this.#end);
    this.#arena.set(text, this.#end + length);
    this.#end += length + text.length;
    this.#noted++;
  }

  #is(place: number, view: DataView, start: number, length: number): boolean {
    return this.#sourceLengths[place] === length && sameBytes(this.#view, this.#starts[place]!, view, start, length);
  }

  #hit(place: number): number {
    this.#last = place;
    this.#found++;
    return place;
  }

  #beginAgain(): void {
    if (this.#found < this.#noted) this.#resting = this.#noted * REST;
    this.#sourceLengths.fill(0);
    this.#end = 0;
    this.#noted = 0;
    this.#found = 0;
  }
}

const ABSENT = -1;
/** Not there; worth noting. */
export const UNKNOWN = -2;

function sameBytes(a: DataView, aStart: number, b: DataView, bStart: number, length: number): boolean {
  let i = 0;
  for (; i + 8 <= length; i += 8) if (a.getBigUint64(aStart + i) !== b.getBigUint64(bStart + i)) return false;
  for (; i < length; i++) if (a.getUint8(aStart + i) !== b.getUint8(bStart + i)) return false;
  return true;
}
