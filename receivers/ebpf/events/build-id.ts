import { closeSync, openSync, readSync } from 'node:fs';

const NT_GNU_BUILD_ID = 3;
const PT_NOTE = 4;
/** Bytes of notes that are read at most. */
const MOST_NOTES = 64 * 1024;
const MOST_HEADERS = 64;

/** The build id of an ELF file for 64-bit little-endian machines, in hex; undefined for what is none, has none, or cannot be read. */
export function buildIdOf(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const header = bytesAt(fd, 0, 64);
    if (header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined;
    const size = header.readUInt16LE(54);
    const count = Math.min(header.readUInt16LE(56), MOST_HEADERS);
    const table = bytesAt(fd, Number(header.readBigUInt64LE(32)), size * count);
    for (let i = 0; i < count; i++) {
      const at = i * size;
      if (table.readUInt32LE(at) !== PT_NOTE) continue;
      const length = Math.min(Number(table.readBigUInt64LE(at + 32)), MOST_NOTES);
      const found = noteIn(bytesAt(fd, Number(table.readBigUInt64LE(at + 8)), length));
      if (found !== undefined) return found;
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function noteIn(notes: Buffer): string | undefined {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameLength = notes.readUInt32LE(at);
    const length = notes.readUInt32LE(at + 4);
    const content = at + 12 + padded(nameLength);
    const isBuildId = notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID;
    if (isBuildId && notes.toString('latin1', at + 12, at + 16) === 'GNU\0') {
      return notes.toString('hex', content, content + length);
    }
    at = content + padded(length);
  }
  return undefined;
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function bytesAt(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(fd, bytes, 0, length, position) < length) throw new Error('The file ends early.');
  return bytes;
}
