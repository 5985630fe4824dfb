import { DELIMITED } from './wire.ts';

/** Tag of `data_points` in each kind of metric. */
export const DATA_POINT: number = 1 * 8 + DELIMITED;

/** Bytes of a varint; `value` is a whole number below 2^32. */
export function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes a whole number below 2^32 as a varint and returns where it ends. */
export function writeVarint(target: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}
