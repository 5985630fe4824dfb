import { ApiError } from './api-error.ts';
import type { Encoding } from './encoding.ts';
import { Scratch } from './scratch.ts';

/** etcd refuses objects of more than some 1.5 MiB; what is far above is no event. */
const MAX_FRAME = 16 * 1024 * 1024;

/** Cuts a watch into its events. */
export interface Frames {
  /** Calls back for each event that is complete. The bytes are valid during the call only. Throws ApiError. */
  push(chunk: Buffer, frame: (bytes: Buffer) => void): void;
}

/** JSON: one event a line. Protobuf: its length in four bytes, big-endian, before each. */
export function createFrames(encoding: Encoding): Frames {
  return encoding === 'json' ? new Lines() : new Messages();
}

class Lines implements Frames {
  /** The beginning of a line whose end has not come. */
  readonly #begun = new Scratch();

  push(chunk: Buffer, frame: (bytes: Buffer) => void): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (this.#begun.length > 0) {
        this.#begun.add(chunk, start, end);
        frame(this.#begun.from());
        this.#begun.clear();
      } else if (end > start) {
        frame(chunk.subarray(start, end));
      }
      start = end + 1;
    }
    checkSize(this.#begun.length + chunk.length - start);
    this.#begun.add(chunk, start);
  }
}

class Messages implements Frames {
  /** The beginning of a message whose end has not come, its length first. */
  readonly #begun = new Scratch();

  push(chunk: Buffer, frame: (bytes: Buffer) => void): void {
    let at = this.#finish(chunk, frame);
    for (;;) {
      const left = chunk.length - at;
      const size = left < HEADER ? HEADER : sizeAt(chunk, at);
      if (left < size) break;
      if (size > HEADER) frame(chunk.subarray(at + HEADER, at + size));
      at += size;
    }
    this.#begun.add(chunk, at);
  }

  /** Completes the message that was begun; returns where the next one begins in the chunk. */
  #finish(chunk: Buffer, frame: (bytes: Buffer) => void): number {
    const begun = this.#begun;
    let at = 0;
    while (begun.length > 0 && at < chunk.length) {
      const size = begun.length < HEADER ? HEADER : sizeAt(begun.from(), 0);
      const end = Math.min(at + size - begun.length, chunk.length);
      begun.add(chunk, at, end);
      at = end;
      if (begun.length < HEADER || begun.length < sizeAt(begun.from(), 0)) continue;
      if (begun.length > HEADER) frame(begun.from(HEADER));
      begun.clear();
    }
    return at;
  }
}

const NEWLINE = 0x0a;
const HEADER = 4;

function sizeAt(bytes: Buffer, at: number): number {
  const size = HEADER + bytes.readUInt32BE(at);
  checkSize(size);
  return size;
}

function checkSize(size: number): void {
  if (size > MAX_FRAME) throw new ApiError('too_large', `An event of the watch has more than ${MAX_FRAME} bytes.`);
}
