import { Double } from '../../pdata/attributes.ts';
import { columnValue } from '../../pdata/log-columns.ts';
import type { LogBatch, LogColumn } from '../../pdata/logs.ts';
import type { SpanBatch } from '../../pdata/traces.ts';
import { valueText } from '../matching/values.ts';
import type { ProbabilisticSettings } from './settings.ts';
import {
  ALWAYS,
  type Bits56,
  NEVER,
  parseRandomness,
  parseThreshold,
  type Threshold,
  thresholdOf,
} from './threshold.ts';
import { parseTraceState, type TraceState } from './trace-state.ts';

/** Attributes of log records that say what `th` and `rv` say of spans. */
export const THRESHOLD_ATTRIBUTE = 'sampling.threshold';
export const RANDOMNESS_ATTRIBUTE = 'sampling.randomness';

/** What one item says of its sampling. A cursor: it stands on one row until it is moved, and what it returns is valid so long. */
export interface SamplingItem {
  readonly threshold: Threshold | undefined;
  /** What it brings explicitly. */
  readonly randomness: Bits56 | undefined;
  /** Whether what it says cannot be read. */
  readonly isBroken: boolean;
  /** The last 56 bits of the trace id; undefined without one. */
  traceRandomness(): Bits56 | undefined;
  /** What the mode `hash_seed` hashes; undefined or not empty. */
  hashed(): Uint8Array | undefined;
  /** What {@link hashed} last returned. */
  readonly hashedPolicy: string;
  /** The threshold that the item itself asks for. */
  priority(): Threshold | undefined;
}

/** Log records as sampling sees them. */
export class LogItems implements SamplingItem {
  threshold: Threshold | undefined;
  randomness: Bits56 | undefined;
  isBroken = false;
  hashedPolicy = '';
  readonly #settings: ProbabilisticSettings;
  readonly #bits = { high: 0, low: 0 };
  #batch: LogBatch | undefined;
  #row = 0;
  #thresholds: LogColumn | undefined;
  #randomness: LogColumn | undefined;
  #hashed: LogColumn | undefined;
  #priorities: LogColumn | undefined;

  constructor(settings: ProbabilisticSettings) {
    this.#settings = settings;
  }

  move(batch: LogBatch, row: number): this {
    if (batch !== this.#batch) this.#enter(batch);
    this.#row = row;
    this.isBroken = false;
    const threshold = text(this.#thresholds, row);
    this.threshold = threshold === '' ? undefined : parseThreshold(threshold);
    if (threshold !== '' && this.threshold === undefined) this.isBroken = true;
    const randomness = text(this.#randomness, row);
    this.randomness = randomness === '' ? undefined : parseRandomness(randomness);
    if (randomness !== '' && this.randomness === undefined) this.isBroken = true;
    return this;
  }

  traceRandomness(): Bits56 | undefined {
    return traceBits(this.#batch!.traceIds, this.#row, this.#bits);
  }

  hashed(): Uint8Array | undefined {
    if (this.#settings.attribute_source === 'traceID') {
      const id = traceId(this.#batch!.traceIds, this.#row);
      this.hashedPolicy = 'trace_id_hash';
      if (id !== undefined) return id;
    }
    const value = this.#hashed && columnValue(this.#hashed, this.#row);
    if (value === undefined) return undefined;
    const bytes = value instanceof Uint8Array ? value : new TextEncoder().encode(valueText(value));
    this.hashedPolicy = this.#settings.from_attribute;
    return bytes.length === 0 ? undefined : bytes;
  }

  priority(): Threshold | undefined {
    const value = this.#priorities && columnValue(this.#priorities, this.#row);
    const percentage = numberOf(value);
    return percentage === undefined || percentage === 0
      ? undefined
      : thresholdOf(percentage / 100, this.#settings.sampling_precision);
  }

  #enter(batch: LogBatch): void {
    const { from_attribute: hashed, sampling_priority: priority } = this.#settings;
    this.#batch = batch;
    this.#thresholds = batch.attributes.get(THRESHOLD_ATTRIBUTE);
    this.#randomness = batch.attributes.get(RANDOMNESS_ATTRIBUTE);
    this.#hashed = hashed === '' ? undefined : batch.attributes.get(hashed);
    this.#priorities = priority === '' ? undefined : batch.attributes.get(priority);
  }
}

/** Spans as sampling sees them. */
export class SpanItems implements SamplingItem {
  readonly hashedPolicy = 'trace_id_hash';
  /** What the tracestate says. */
  state: TraceState = parseTraceState('');
  readonly #bits = { high: 0, low: 0 };
  /** By word of the batch's column. */
  #states: (TraceState | undefined)[] = [];
  #batch: SpanBatch | undefined;
  #row = 0;
  #priorities: LogColumn | undefined;

  get threshold(): Threshold | undefined {
    return this.state.threshold;
  }

  get randomness(): Bits56 | undefined {
    return this.state.randomness;
  }

  get isBroken(): boolean {
    return this.state.isBroken;
  }

  move(batch: SpanBatch, row: number): this {
    if (batch !== this.#batch) {
      this.#batch = batch;
      this.#states = [];
      this.#priorities = batch.attributes.get('sampling.priority');
    }
    this.#row = row;
    const code = batch.traceState.codes[row]!;
    this.#states[code] ??= parseTraceState(batch.traceState.words[code]!);
    this.state = this.#states[code];
    return this;
  }

  traceRandomness(): Bits56 | undefined {
    return traceBits(this.#batch!.traceIds, this.#row, this.#bits);
  }

  hashed(): Uint8Array | undefined {
    return traceId(this.#batch!.traceIds, this.#row);
  }

  priority(): Threshold | undefined {
    const value = this.#priorities && columnValue(this.#priorities, this.#row);
    const number = typeof value === 'string' ? parseFloating(value) : numberOf(value);
    if (number === undefined) return undefined;
    if (number === 0) return NEVER;
    return number > 0 ? ALWAYS : undefined;
  }
}

function text(column: LogColumn | undefined, row: number): string {
  const value = column && columnValue(column, row);
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number | undefined {
  if (value instanceof Double) return value.value;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}

/** Decimal numbers and infinity. */
function parseFloating(text: string): number | undefined {
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(text);
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function traceId(ids: Uint8Array | undefined, row: number): Uint8Array | undefined {
  if (ids === undefined) return undefined;
  const from = row * 16;
  let some = 0;
  for (let i = 0; i < 16; i++) some |= ids[from + i]!;
  return some === 0 ? undefined : ids.subarray(from, from + 16);
}

/** Written into `bits`. */
function traceBits(ids: Uint8Array | undefined, row: number, bits: { high: number; low: number }): Bits56 | undefined {
  if (ids === undefined) return undefined;
  const at = row * 16;
  let some = 0;
  for (let i = 0; i < 16; i++) some |= ids[at + i]!;
  if (some === 0) return undefined;
  bits.high = (ids[at + 9]! << 20) | (ids[at + 10]! << 12) | (ids[at + 11]! << 4) | (ids[at + 12]! >> 4);
  bits.low = ((ids[at + 12]! & 15) << 24) | (ids[at + 13]! << 16) | (ids[at + 14]! << 8) | ids[at + 15]!;
  return bits;
}
