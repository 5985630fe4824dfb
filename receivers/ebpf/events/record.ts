import type { AttributeValue, Resource } from 'bpflow/sdk';
import { EventHeader } from '../../../bpf/events.gen.ts';

/** Severity numbers of OTLP, with their names. */
export const SEVERITY = { DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17 } as const;
export type Severity = keyof typeof SEVERITY;

/** What an event says beside when, where and to whom it happened. */
export interface Told {
  /** `process.exec`. */
  readonly name: string;
  readonly severity: Severity;
  /** 0…1, by the table of the receiver's README. */
  readonly importance: number;
  /** What happened, without whom it happened to: `executed /bin/sh`. */
  readonly what: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** Whose it is, where that is not the process's. */
  readonly resource?: Resource;
}

/** One record of the ring: a header and, behind it, the body of its kind. */
export class EventRecord {
  readonly header = new EventHeader();
  /** Of the whole buffer. */
  readonly words: Uint32Array;
  readonly #bytes: Buffer;
  #at = 0;
  #end = 0;

  constructor(words: Uint32Array) {
    this.words = words;
    this.#bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  }

  /** Moves to the record of `length` bytes that begins at this word. */
  move(at: number, length: number): this {
    this.header.move(this.words, at);
    this.#at = at + EventHeader.WORDS;
    this.#end = at * 4 + length;
    return this;
  }

  /** Word at which the body begins. */
  get body(): number {
    return this.#at;
  }

  /** Bytes that begin so far behind the body's beginning, in the buffer itself; what lies behind the record is not among them. */
  bytes(from: number, length: number): Uint8Array {
    const start = this.#at * 4 + from;
    return this.#bytes.subarray(start, Math.max(start, Math.min(start + length, this.#end)));
  }

  /** Text that begins so many bytes behind the body's beginning; what lies behind the record is not read. */
  text(from: number, length: number): string {
    const start = this.#at * 4 + from;
    return this.#bytes.toString('utf8', start, Math.max(start, Math.min(start + length, this.#end)));
  }
}

/** Text up to its first zero. */
export function untilZero(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
