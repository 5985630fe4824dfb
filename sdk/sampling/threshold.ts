/** 56 bits as two halves of 28, so that comparing needs no bigint. */
export interface Bits56 {
  readonly high: number;
  readonly low: number;
}

/**
 * A sampling threshold of the OpenTelemetry specification (tracestate, probability sampling): an item is kept when its 56 bits of
 * randomness are not below it.
 */
export interface Threshold extends Bits56 {
  /** As in `th:`: hex digits without trailing zeros, `0` for always, empty for never. */
  readonly text: string;
}

const DIGITS = 14;
const HALF = 2 ** 28;
const ALL = 2n ** 56n;
const SMALLEST = 2 ** -56;

/** 100 %. */
export const ALWAYS: Threshold = Object.freeze({ high: 0, low: 0, text: '0' });
/** Above all randomness. */
export const NEVER: Threshold = Object.freeze({ high: HALF, low: 0, text: '' });
/** What every threshold but {@link NEVER} admits. */
export const MOST_RANDOMNESS: Bits56 = Object.freeze({ high: HALF - 1, low: HALF - 1 });

/** Whether an item of this randomness is kept. */
export function admits(threshold: Bits56, randomness: Bits56): boolean {
  return !isBelow(randomness, threshold);
}

export function isBelow(a: Bits56, b: Bits56): boolean {
  return a.high < b.high || (a.high === b.high && a.low < b.low);
}

/** Reads 1 to 14 hex digits; undefined for anything else. The text is kept as it was sent. */
export function parseThreshold(text: string): Threshold | undefined {
  if (!/^[0-9a-fA-F]{1,14}$/.test(text)) return undefined;
  return { ...parseDigits(text.padEnd(DIGITS, '0')), text };
}

/** The same threshold with the text that we write. */
export function canonical(threshold: Threshold): Threshold {
  const text = threshold.text.replace(/0+$/, '').toLowerCase() || '0';
  return text === threshold.text ? threshold : { high: threshold.high, low: threshold.low, text };
}

/** Reads the 14 hex digits of an `rv`; undefined for anything else. */
export function parseRandomness(text: string): Bits56 | undefined {
  return /^[0-9a-fA-F]{14}$/.test(text) ? parseDigits(text) : undefined;
}

/** 14 hex digits. */
export function formatRandomness({ high, low }: Bits56): string {
  return (HALF + high).toString(16).slice(1) + (HALF + low).toString(16).slice(1);
}

/**
 * The threshold that keeps this share, rounded to so many significant hex digits (1 to 14; leading digits that say nothing come
 * on top). Undefined for what is not from 2^-56 to 1.
 */
export function thresholdOf(probability: number, digits: number): Threshold | undefined {
  if (!(probability >= SMALLEST && probability <= 1)) return undefined;
  if (probability === 1) return ALWAYS;
  const leading = Math.max(Math.trunc(exponentOf(probability) / -4), Math.trunc(exponentOf(1 - probability) / -4));
  const precision = Math.min(DIGITS, digits + leading);
  const exact = ALL - BigInt(Math.round(probability * 2 ** 56));
  const shift = BigInt(4 * (DIGITS - precision));
  return thresholdOfBits(shift === 0n ? exact : ((exact + (1n << (shift - 1n))) >> shift) << shift);
}

/** From 0 to 2^56; {@link NEVER} from there on. */
export function thresholdOfBits(bits: bigint): Threshold {
  if (bits >= ALL) return NEVER;
  if (bits === 0n) return ALWAYS;
  const digits = bits.toString(16).padStart(DIGITS, '0');
  return { ...parseDigits(digits), text: digits.replace(/0+$/, '') };
}

/** The share that is kept, from 0 to 1. */
export function probabilityOf({ high, low }: Bits56): number {
  return Number(ALL - ((BigInt(high) << 28n) + BigInt(low))) / 2 ** 56;
}

function parseDigits(digits: string): Bits56 {
  return { high: Number.parseInt(digits.slice(0, 7), 16), low: Number.parseInt(digits.slice(7), 16) };
}

/** e of m · 2^e with m from 0.5 to below 1. */
function exponentOf(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return ((view.getUint16(0) >> 4) & 0x7ff) - 1022;
}
