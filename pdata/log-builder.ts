import type { AttributeSet } from './attribute-set.ts';
import type { Attributes, AttributeValue } from './attributes.ts';
import { LogColumnBuilder, WordsBuilder } from './log-column-builder.ts';
import type { LogBatch } from './logs.ts';
import type { TimeColumn } from './metrics.ts';
import {
  AttributeColumns,
  BatchBuilder,
  checkValue,
  hexBytes,
  type Origin,
  plainAttributes,
  References,
  type RowColumns,
} from './row-builder.ts';
import type { InstrumentationScope, Resource } from './series-table.ts';

/** A log record to add. Only the time is needed. */
export interface NewLogRecord {
  /** When it happened, ns since 1970. */
  readonly time: bigint;
  /** When it was seen, ns since 1970. Default: `time`. */
  readonly observedTime?: bigint;
  /** OTLP severity number, 1 to 24; 0 (the default) for none. */
  readonly severity?: number;
  readonly severityText?: string;
  readonly eventName?: string;
  readonly body?: AttributeValue;
  readonly attributes?: Attributes | AttributeSet;
  readonly resource?: Resource;
  readonly scope?: InstrumentationScope;
  readonly flags?: number;
  /** 32 and 16 hex digits. */
  readonly traceId?: string;
  readonly spanId?: string;
  /** Attributes that were dropped before. */
  readonly droppedAttributes?: number;
}

/** Collects log records into the columns of a batch. Reusable. */
export class LogBuilder extends BatchBuilder<NewLogRecord, LogBatch> {
  /** What is given here counts for records that do not say otherwise. */
  constructor(defaults: Pick<NewLogRecord, 'eventName' | 'resource' | 'scope'> = {}) {
    super(() => new Rows(), defaults);
  }
}

class Rows implements RowColumns<NewLogRecord, LogBatch> {
  length = 0;
  readonly #time: bigint[] = [];
  readonly #observedTime: bigint[] = [];
  readonly #severity: number[] = [];
  readonly #flags: number[] = [];
  readonly #dropped: number[] = [];
  readonly #severityText = new WordsBuilder();
  readonly #eventName = new WordsBuilder();
  readonly #resources = new References<Resource>();
  readonly #scopes = new References<InstrumentationScope>();
  readonly #body = new LogColumnBuilder();
  readonly #attributes = new AttributeColumns();
  readonly #traceIds = new Map<number, Uint8Array>();
  readonly #spanIds = new Map<number, Uint8Array>();

  add(record: NewLogRecord & Origin): void {
    const severity = record.severity ?? 0;
    if (!(Number.isInteger(severity) && severity >= 0 && severity <= 24)) {
      throw new RangeError(`The severity ${severity} is not one of OTLP's numbers, 0 to 24.`);
    }
    const traceId = record.traceId ? hexBytes(record.traceId, 16) : undefined;
    const spanId = record.spanId ? hexBytes(record.spanId, 8) : undefined;
    const attributes = Object.entries(plainAttributes(record.attributes ?? {}));
    for (const [key, value] of attributes) checkValue(value, key);
    if (record.body !== undefined) checkValue(record.body, 'body');

    const row = this.length++;
    this.#time.push(record.time);
    this.#observedTime.push(record.observedTime ?? record.time);
    this.#severity.push(severity);
    this.#flags.push(record.flags ?? 0);
    this.#dropped.push(record.droppedAttributes ?? 0);
    if (record.severityText) this.#severityText.set(row, record.severityText);
    if (record.eventName) this.#eventName.set(row, record.eventName);
    this.#resources.add(record.resource);
    this.#scopes.add(record.scope);
    if (record.body !== undefined) this.#body.set(row, record.body);
    if (traceId) this.#traceIds.set(row, traceId);
    if (spanId) this.#spanIds.set(row, spanId);
    this.#attributes.set(row, attributes);
  }

  build(): LogBatch {
    const { length } = this;
    return {
      signal: 'logs',
      length,
      resources: this.#resources.items,
      resource: Uint32Array.from(this.#resources.codes),
      scopes: this.#scopes.items,
      scope: Uint32Array.from(this.#scopes.codes),
      time: timeColumn(this.#time),
      observedTime: timeColumn(this.#observedTime),
      severity: Uint8Array.from(this.#severity),
      severityText: this.#severityText.build(length),
      eventName: this.#eventName.build(length),
      body: this.#body.build(length),
      attributes: this.#attributes.build(length),
      flags: this.#flags.every((flags) => flags === 0) ? 0 : Uint32Array.from(this.#flags),
      ...(this.#dropped.some((count) => count > 0) && { droppedAttributes: Uint32Array.from(this.#dropped) }),
      ...(this.#traceIds.size > 0 && { traceIds: idColumn(this.#traceIds, length, 16) }),
      ...(this.#spanIds.size > 0 && { spanIds: idColumn(this.#spanIds, length, 8) }),
    };
  }
}

function timeColumn(times: readonly bigint[]): TimeColumn {
  const [first] = times;
  return times.every((time) => time === first) ? first! : BigUint64Array.from(times);
}

function idColumn(ids: ReadonlyMap<number, Uint8Array>, length: number, width: number): Uint8Array {
  const column = new Uint8Array(length * width);
  for (const [row, id] of ids) column.set(id, row * width);
  return column;
}
