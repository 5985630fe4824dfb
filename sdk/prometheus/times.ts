import { formatOpenMetricsFloat, type TimeColumn } from 'bpflow/sdk';
import type { View } from './values.ts';

/** Times as floats: they only decide what is older, and a BigInt per point would cost more than the rest. */
export function timeReader(time: TimeColumn): (i: number) => number {
  if (typeof time === 'bigint') {
    const constant = Number(time);
    return () => constant;
  }
  const halves = new Uint32Array(time.buffer, time.byteOffset, time.length * 2);
  return (i) => halves[2 * i + 1]! * 4294967296 + halves[2 * i]!;
}

/** Whole milliseconds of a time that a {@link timeReader} gave. */
export function wholeMs(ns: number): number {
  return Math.floor((ns + TIME_PRECISION_NS) / 1e6);
}

/** Timestamps of lines; most series of a family have the same. */
export class TimestampTexts {
  readonly #openMetrics: boolean;
  #ms = Number.NaN;
  #text = '';

  constructor({ openMetrics }: View) {
    this.#openMetrics = openMetrics;
  }

  /** With a blank before it; empty for 0. */
  text(ms: number): string {
    if (ms !== this.#ms) {
      this.#ms = ms;
      this.#text = ms === 0 ? '' : ` ${this.#openMetrics ? formatOpenMetricsFloat(ms / 1000) : ms}`;
    }
    return this.#text;
  }
}

/** What a time in ns since 1970 may be off as a float. */
const TIME_PRECISION_NS = 256;
