import { createHash } from 'node:crypto';

/** The value that a test stores under a number: up to 8 KiB that no other number has. */
export function storedValue(number: number): Buffer {
  const block = createHash('sha256').update(String(number)).digest();
  return Buffer.alloc(32 + (block.readUInt16LE(0) % 8192), block);
}
