import type { Bits56 } from './threshold.ts';

/**
 * 56 bits of the 32-bit FNV-1a hash of a seed (four bytes, the lowest first) and `bytes`, as the Collector's mode `hash_seed`
 * makes them: 14 bits that decide, then a mixture of the other 18, then the 14 as they were.
 */
export function hashedRandomness(bytes: Uint8Array, seed: number): Bits56 {
  const hash = fnv1a(bytes, seed);
  const decisive = hash & 0x3fff;
  const rest = hash >>> 18;
  const mixed = (rest ^ (rest << 10)) & 0xfffffff;
  return { high: (0x3fff - decisive) * 2 ** 14 + (mixed >>> 14), low: (mixed & 0x3fff) * 2 ** 14 + decisive };
}

function fnv1a(bytes: Uint8Array, seed: number): number {
  let hash = 0x811c9dc5;
  for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((seed >>> shift) & 0xff), 0x01000193);
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
