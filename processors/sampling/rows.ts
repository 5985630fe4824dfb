import {
  type AttributeValue,
  COUNT_ATTRIBUTE,
  columnValue,
  Double,
  type ItemMatch,
  type LogBatch,
  type LogColumn,
  LogItems,
  type Marks,
  type MatchProperties,
  markLogs,
  markSpans,
  type ProbabilisticSettings,
  probabilityOf,
  type Resource,
  type SamplingItem,
  type SpanBatch,
  SpanItems,
  selectLogs,
  selectSpans,
  valueText,
} from 'bpflow/sdk';

/** A batch of rows that can be sampled. */
export type RowBatch = LogBatch | SpanBatch;
export type RowTest<B> = (batch: B, row: number) => boolean;
export type RowText<B> = (batch: B, row: number) => string;

/** What sampling has to know of a signal. */
export interface Rows<B extends RowBatch> {
  readonly signal: B['signal'];
  readonly isError: RowTest<B>;
  /** Whether a span lasts at least so many ms; log records do not last. */
  readonly isSlow: (batch: B, row: number, ms: number) => boolean;
  readonly severity: (batch: B, row: number) => number;
  readonly matches: (match: ItemMatch) => RowTest<B>;
  /** Whether a match can be met: none that asks for what only another signal has. */
  readonly concerns: (match: MatchProperties) => boolean;
  /** What tells kinds of items apart. */
  readonly kind: RowText<B>;
  /** The same within a batch, as a whole number. */
  readonly kindNumber: (batch: B, row: number) => number;
  readonly items: (settings: ProbabilisticSettings) => ItemsOf<B>;
  readonly select: (batch: B, isKept: (row: number) => boolean) => B | undefined;
  readonly mark: (batch: B, marks: Marks) => B;
}

export interface ItemsOf<B> {
  move(batch: B, row: number): SamplingItem;
}

export const LOG_ROWS: Rows<LogBatch> = {
  signal: 'logs',
  isError: ({ severity }, row) => severity[row]! >= SEVERITY_ERROR,
  isSlow: () => false,
  severity: ({ severity }, row) => severity[row]!,
  matches: (match) => match.log,
  concerns: ({ span_names, span_kinds, metric_names }) =>
    span_names.length + span_kinds.length + metric_names.length === 0,
  kind: (batch, row) =>
    `${serviceOf(batch, row)}\0${batch.scopes[batch.scope[row]!]!.name}\0${batch.eventName.words[batch.eventName.codes[row]!]}\0${batch.severity[row]}`,
  kindNumber: ({ resource, scope, scopes, eventName, severity }, row) =>
    ((resource[row]! * scopes.length + scope[row]!) * eventName.words.length + eventName.codes[row]!) * 256 +
    severity[row]!,
  items: (settings) => new LogItems(settings),
  select: selectLogs,
  mark: markLogs,
};

export const SPAN_ROWS: Rows<SpanBatch> = {
  signal: 'traces',
  isError: ({ statusCode }, row) => statusCode[row] === STATUS_ERROR,
  isSlow: ({ startTime, endTime }, row, ms) => Number(endTime[row]! - startTime[row]!) >= ms * 1e6,
  severity: () => 0,
  matches: (match) => match.span,
  concerns: ({ log_bodies, log_severity_texts, log_severity_number, metric_names }) =>
    log_bodies.length + log_severity_texts.length + metric_names.length === 0 && log_severity_number === undefined,
  kind: (batch, row) => `${serviceOf(batch, row)}\0${batch.name.words[batch.name.codes[row]!]}\0${batch.kind[row]}`,
  kindNumber: ({ resource, name, kind }, row) =>
    (resource[row]! * name.words.length + name.codes[row]!) * 256 + kind[row]!,
  items: () => new SpanItems(),
  select: selectSpans,
  mark: markSpans,
};

/** The values of attributes, of the item or else of its resource, as one text. */
export function attributeKey<B extends RowBatch>(attributes: readonly string[]): RowText<B> {
  let entered: B | undefined;
  let columns: (LogColumn | undefined)[] = [];
  /** By resource, where no item has one of the attributes itself. */
  let ofResources: string[] | undefined;
  const enter = (batch: B): void => {
    entered = batch;
    columns = attributes.map((name) => batch.attributes.get(name));
    ofResources = columns.some((column) => column !== undefined)
      ? undefined
      : batch.resources.map((resource) => joined((name) => resource.attributes.get(name)));
  };
  const joined = (get: (name: string, i: number) => AttributeValue | undefined): string =>
    attributes.map((name, i) => `${valueText(get(name, i))}\0`).join('');
  return (batch, row) => {
    if (batch !== entered) enter(batch);
    const resource = batch.resource[row]!;
    if (ofResources !== undefined) return ofResources[resource]!;
    return joined((name, i) => {
      const column = columns[i];
      return (column && columnValue(column, row)) ?? batch.resources[resource]!.attributes.get(name);
    });
  };
}

/** How many items one stands for that came with this: its adjusted count, and the inverse of its probability. */
export function weightOf(item: SamplingItem, counts: LogColumn | undefined, row: number): number {
  const share = item.threshold === undefined ? 1 : probabilityOf(item.threshold);
  const count = (counts && numberAt(counts, row)) ?? 1;
  return (count > 0 ? count : 1) / (share > 0 ? share : 1);
}

export function countColumn(batch: RowBatch): LogColumn | undefined {
  return batch.attributes.get(COUNT_ATTRIBUTE);
}

export function numberAt(column: LogColumn, row: number): number | undefined {
  const value = columnValue(column, row);
  if (value instanceof Double) return value.value;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}

const SEVERITY_ERROR = 17;
const STATUS_ERROR = 2;
const services = new WeakMap<Resource, string>();

function serviceOf(batch: RowBatch, row: number): string {
  const resource = batch.resources[batch.resource[row]!]!;
  let service = services.get(resource);
  if (service === undefined) {
    service = valueText(resource.attributes.get('service.name'));
    services.set(resource, service);
  }
  return service;
}
