import { ApiError } from './api-error.ts';
import type { Encoding } from './encoding.ts';

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
  readonly #rest = new Rest();

  push(chunk: Buffer, frame: (bytes: Buffer) => void): void {
    let end = chunk.indexOf(NEWLINE);
    if (end < 0) {
      this.#rest.add(chunk);
      return;
    }
    const bytes = this.#rest.takeWith(chunk);
    end += bytes.length - chunk.length;
    let start = 0;
    for (; end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      if (end > start) frame(bytes.subarray(start, end));
      start = end + 1;
    }
    this.#rest.add(bytes.subarray(start));
  }
}

class Messages implements Frames {
  readonly #rest = new Rest();
  /** Bytes that the next message has, its length included. */
  #needed = HEADER;

  push(chunk: Buffer, frame: (bytes: Buffer) => void): void {
    if (this.#rest.length + chunk.length < this.#needed) {
      this.#rest.add(chunk);
      return;
    }
    const bytes = this.#rest.takeWith(chunk);
    let start = 0;
    for (;;) {
      const left = bytes.length - start;
      this.#needed = left < HEADER ? HEADER : HEADER + bytes.readUInt32BE(start);
      if (this.#needed > MAX_FRAME) throw tooLarge();
      if (left < this.#needed) break;
      frame(bytes.subarray(start + HEADER, start + this.#needed));
      start += this.#needed;
    }
    this.#rest.add(bytes.subarray(start));
  }
}

/** The beginning of a frame whose end has not come. */
class Rest {
  #chunks: Buffer[] = [];
  length = 0;

  add(chunk: Buffer): void {
    this.length += chunk.length;
    if (this.length > MAX_FRAME) throw tooLarge();
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  takeWith(chunk: Buffer): Buffer {
    const bytes = this.#chunks.length === 0 ? chunk : Buffer.concat([...this.#chunks, chunk]);
    this.#chunks = [];
    this.length = 0;
    return bytes;
  }
}

const NEWLINE = 0x0a;
const HEADER = 4;

function tooLarge(): ApiError {
  return new ApiError('too_large', `An event of the watch has more than ${MAX_FRAME} bytes.`);
}
