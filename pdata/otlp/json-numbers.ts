import type { FieldTable } from './json-table.ts';

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/** The value of an integer field from its text, undefined when it has none or does not fit. A bigint only where a number is not exact. */
export function parseInteger(text: string, kind: FieldTable['kind']): number | bigint | undefined {
  const value = integer(text);
  if (value === undefined) return undefined;
  const [low, high] = RANGES[kind] ?? INT32;
  return value >= low && value <= high ? value : undefined;
}

/** The value of a double from its text. */
export function parseDouble(text: string): number | undefined {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  if (/^nan$/i.test(text)) return Number.NaN;
  const infinity = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinity === null) return undefined;
  return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** `1.0` and `1e3` are integers too. */
function integer(text: string): number | bigint | undefined {
  if (text.length > 25) return undefined;
  if (INTEGER.test(text)) return text.length < 16 ? Number(text) : exact(text);
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function exact(text: string): number | bigint {
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const INT32 = [-0x8000_0000, 0x7fff_ffff] as const;
const UINT32 = [0, 0xffff_ffff] as const;
const INT64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const UINT64 = [0n, 2n ** 64n - 1n] as const;

const RANGES: { readonly [K in FieldTable['kind']]?: readonly [number | bigint, number | bigint] } = {
  uint32: UINT32,
  fixed32: UINT32,
  int64: INT64,
  sfixed64: INT64,
  uint64: UINT64,
  fixed64: UINT64,
};
