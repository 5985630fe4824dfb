import { readFileSync } from 'node:fs';

/** Type of the entry of the auxiliary vector that has the size of a page. */
const AT_PAGESZ = 6n;

/** Bytes of a page of memory on this machine, from the auxiliary vector that the kernel gave this process; 4096 where there is none. */
export function pageSize(vector: Buffer = readVector()): number {
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  }
  return 4096;
}

function readVector(): Buffer {
  try {
    return readFileSync('/proc/self/auxv');
  } catch {
    return Buffer.alloc(0);
  }
}
