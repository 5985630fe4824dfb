import { PROFILES_MESSAGES } from './json-profiles.ts';

/** How a field is written: in protobuf and, from that, in JSON. */
export type ScalarKind =
  | 'string'
  | 'bytes'
  | 'id'
  | 'bool'
  | 'int32'
  | 'sint32'
  | 'uint32'
  | 'fixed32'
  | 'int64'
  | 'uint64'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  | 'enum';

interface FieldBase {
  readonly number: number;
  /** The name in JSON; the protobuf name is this in snake_case. */
  readonly name: string;
  readonly repeated?: true;
  /** Fields of one group exclude each other: the last one counts. Written when present, even when zero. */
  readonly oneof?: string;
  /** Written when present, even when zero. */
  readonly optional?: true;
}

export interface ScalarField extends FieldBase {
  readonly kind: ScalarKind;
  /** Bytes of an id. */
  readonly length?: number;
  /** Prefix of an enum's names, and its names by number. */
  readonly values?: readonly [string, readonly string[]];
}

export interface MessageField extends FieldBase {
  readonly message: string;
  /** Written in JSON as `{}` when absent, as the Collector does. */
  readonly always?: true;
}

export type OtlpField = ScalarField | MessageField;

const TEMPORALITY = ['AGGREGATION_TEMPORALITY_', ['UNSPECIFIED', 'DELTA', 'CUMULATIVE']] as const;
const SPAN_KIND = ['SPAN_KIND_', ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']] as const;
const STATUS_CODE = ['STATUS_CODE_', ['UNSET', 'OK', 'ERROR']] as const;
const SEVERITY = [
  'SEVERITY_NUMBER_',
  [
    'UNSPECIFIED',
    ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((level) => [
      level,
      ...[2, 3, 4].map((n) => level + n),
    ]),
  ],
] as const;

const TRACE_ID = { kind: 'id', length: 16 } as const;
const SPAN_ID = { kind: 'id', length: 8 } as const;
const ATTRIBUTES = { name: 'attributes', message: 'KeyValue', repeated: true } as const;
const DROPPED_ATTRIBUTES = { name: 'droppedAttributesCount', kind: 'uint32' } as const;
const SCHEMA_URL = { number: 3, name: 'schemaUrl', kind: 'string' } as const;

/**
 * Every message of OTLP's export requests (opentelemetry-proto 1.10; profiles v1development), its fields in the order of their
 * declaration, which is the order of the Collector's JSON.
 */
export const MESSAGES: Readonly<Record<string, readonly OtlpField[]>> = {
  ...PROFILES_MESSAGES,
  ExportMetricsServiceRequest: [{ number: 1, name: 'resourceMetrics', message: 'ResourceMetrics', repeated: true }],
  ExportLogsServiceRequest: [{ number: 1, name: 'resourceLogs', message: 'ResourceLogs', repeated: true }],
  ExportTraceServiceRequest: [{ number: 1, name: 'resourceSpans', message: 'ResourceSpans', repeated: true }],

  Resource: [
    { number: 1, ...ATTRIBUTES },
    { number: 2, ...DROPPED_ATTRIBUTES },
    { number: 3, name: 'entityRefs', message: 'EntityRef', repeated: true },
  ],
  EntityRef: [
    { number: 1, name: 'schemaUrl', kind: 'string' },
    { number: 2, name: 'type', kind: 'string' },
    { number: 3, name: 'idKeys', kind: 'string', repeated: true },
    { number: 4, name: 'descriptionKeys', kind: 'string', repeated: true },
  ],
  InstrumentationScope: [
    { number: 1, name: 'name', kind: 'string' },
    { number: 2, name: 'version', kind: 'string' },
    { number: 3, ...ATTRIBUTES },
    { number: 4, ...DROPPED_ATTRIBUTES },
  ],
  KeyValue: [
    { number: 1, name: 'key', kind: 'string' },
    { number: 2, name: 'value', message: 'AnyValue', always: true },
    { number: 3, name: 'keyStrindex', kind: 'int32' },
  ],
  AnyValue: [
    { number: 1, name: 'stringValue', kind: 'string', oneof: 'value' },
    { number: 2, name: 'boolValue', kind: 'bool', oneof: 'value' },
    { number: 3, name: 'intValue', kind: 'int64', oneof: 'value' },
    { number: 4, name: 'doubleValue', kind: 'double', oneof: 'value' },
    { number: 5, name: 'arrayValue', message: 'ArrayValue', oneof: 'value' },
    { number: 6, name: 'kvlistValue', message: 'KeyValueList', oneof: 'value' },
    { number: 7, name: 'bytesValue', kind: 'bytes', oneof: 'value' },
    { number: 8, name: 'stringValueStrindex', kind: 'int32', oneof: 'value' },
  ],
  ArrayValue: [{ number: 1, name: 'values', message: 'AnyValue', repeated: true }],
  KeyValueList: [{ number: 1, name: 'values', message: 'KeyValue', repeated: true }],

  ResourceMetrics: [
    { number: 1, name: 'resource', message: 'Resource', always: true },
    { number: 2, name: 'scopeMetrics', message: 'ScopeMetrics', repeated: true },
    SCHEMA_URL,
  ],
  ScopeMetrics: [
    { number: 1, name: 'scope', message: 'InstrumentationScope', always: true },
    { number: 2, name: 'metrics', message: 'Metric', repeated: true },
    SCHEMA_URL,
  ],
  Metric: [
    { number: 1, name: 'name', kind: 'string' },
    { number: 2, name: 'description', kind: 'string' },
    { number: 3, name: 'unit', kind: 'string' },
    { number: 5, name: 'gauge', message: 'Gauge', oneof: 'data' },
    { number: 7, name: 'sum', message: 'Sum', oneof: 'data' },
    { number: 9, name: 'histogram', message: 'Histogram', oneof: 'data' },
    { number: 10, name: 'exponentialHistogram', message: 'ExponentialHistogram', oneof: 'data' },
    { number: 11, name: 'summary', message: 'Summary', oneof: 'data' },
    { number: 12, name: 'metadata', message: 'KeyValue', repeated: true },
  ],
  Gauge: [{ number: 1, name: 'dataPoints', message: 'NumberDataPoint', repeated: true }],
  Sum: [
    { number: 1, name: 'dataPoints', message: 'NumberDataPoint', repeated: true },
    { number: 2, name: 'aggregationTemporality', kind: 'enum', values: TEMPORALITY },
    { number: 3, name: 'isMonotonic', kind: 'bool' },
  ],
  Histogram: [
    { number: 1, name: 'dataPoints', message: 'HistogramDataPoint', repeated: true },
    { number: 2, name: 'aggregationTemporality', kind: 'enum', values: TEMPORALITY },
  ],
  ExponentialHistogram: [
    { number: 1, name: 'dataPoints', message: 'ExponentialHistogramDataPoint', repeated: true },
    { number: 2, name: 'aggregationTemporality', kind: 'enum', values: TEMPORALITY },
  ],
  Summary: [{ number: 1, name: 'dataPoints', message: 'SummaryDataPoint', repeated: true }],
  NumberDataPoint: [
    { number: 7, ...ATTRIBUTES },
    { number: 2, name: 'startTimeUnixNano', kind: 'fixed64' },
    { number: 3, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 4, name: 'asDouble', kind: 'double', oneof: 'value' },
    { number: 6, name: 'asInt', kind: 'sfixed64', oneof: 'value' },
    { number: 5, name: 'exemplars', message: 'Exemplar', repeated: true },
    { number: 8, name: 'flags', kind: 'uint32' },
  ],
  HistogramDataPoint: [
    { number: 9, ...ATTRIBUTES },
    { number: 2, name: 'startTimeUnixNano', kind: 'fixed64' },
    { number: 3, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 4, name: 'count', kind: 'fixed64' },
    { number: 5, name: 'sum', kind: 'double', optional: true },
    { number: 6, name: 'bucketCounts', kind: 'fixed64', repeated: true },
    { number: 7, name: 'explicitBounds', kind: 'double', repeated: true },
    { number: 8, name: 'exemplars', message: 'Exemplar', repeated: true },
    { number: 10, name: 'flags', kind: 'uint32' },
    { number: 11, name: 'min', kind: 'double', optional: true },
    { number: 12, name: 'max', kind: 'double', optional: true },
  ],
  ExponentialHistogramDataPoint: [
    { number: 1, ...ATTRIBUTES },
    { number: 2, name: 'startTimeUnixNano', kind: 'fixed64' },
    { number: 3, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 4, name: 'count', kind: 'fixed64' },
    { number: 5, name: 'sum', kind: 'double', optional: true },
    { number: 6, name: 'scale', kind: 'sint32' },
    { number: 7, name: 'zeroCount', kind: 'fixed64' },
    { number: 8, name: 'positive', message: 'Buckets', always: true },
    { number: 9, name: 'negative', message: 'Buckets', always: true },
    { number: 10, name: 'flags', kind: 'uint32' },
    { number: 11, name: 'exemplars', message: 'Exemplar', repeated: true },
    { number: 12, name: 'min', kind: 'double', optional: true },
    { number: 13, name: 'max', kind: 'double', optional: true },
    { number: 14, name: 'zeroThreshold', kind: 'double' },
  ],
  Buckets: [
    { number: 1, name: 'offset', kind: 'sint32' },
    { number: 2, name: 'bucketCounts', kind: 'uint64', repeated: true },
  ],
  SummaryDataPoint: [
    { number: 7, ...ATTRIBUTES },
    { number: 2, name: 'startTimeUnixNano', kind: 'fixed64' },
    { number: 3, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 4, name: 'count', kind: 'fixed64' },
    { number: 5, name: 'sum', kind: 'double' },
    { number: 6, name: 'quantileValues', message: 'ValueAtQuantile', repeated: true },
    { number: 8, name: 'flags', kind: 'uint32' },
  ],
  ValueAtQuantile: [
    { number: 1, name: 'quantile', kind: 'double' },
    { number: 2, name: 'value', kind: 'double' },
  ],
  Exemplar: [
    { number: 7, name: 'filteredAttributes', message: 'KeyValue', repeated: true },
    { number: 2, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 3, name: 'asDouble', kind: 'double', oneof: 'value' },
    { number: 6, name: 'asInt', kind: 'sfixed64', oneof: 'value' },
    { number: 5, name: 'traceId', ...TRACE_ID },
    { number: 4, name: 'spanId', ...SPAN_ID },
  ],

  ResourceLogs: [
    { number: 1, name: 'resource', message: 'Resource', always: true },
    { number: 2, name: 'scopeLogs', message: 'ScopeLogs', repeated: true },
    SCHEMA_URL,
  ],
  ScopeLogs: [
    { number: 1, name: 'scope', message: 'InstrumentationScope', always: true },
    { number: 2, name: 'logRecords', message: 'LogRecord', repeated: true },
    SCHEMA_URL,
  ],
  LogRecord: [
    { number: 1, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 11, name: 'observedTimeUnixNano', kind: 'fixed64' },
    { number: 2, name: 'severityNumber', kind: 'enum', values: SEVERITY },
    { number: 3, name: 'severityText', kind: 'string' },
    { number: 5, name: 'body', message: 'AnyValue', always: true },
    { number: 6, ...ATTRIBUTES },
    { number: 7, ...DROPPED_ATTRIBUTES },
    { number: 8, name: 'flags', kind: 'fixed32' },
    { number: 9, name: 'traceId', ...TRACE_ID },
    { number: 10, name: 'spanId', ...SPAN_ID },
    { number: 12, name: 'eventName', kind: 'string' },
  ],

  ResourceSpans: [
    { number: 1, name: 'resource', message: 'Resource', always: true },
    { number: 2, name: 'scopeSpans', message: 'ScopeSpans', repeated: true },
    SCHEMA_URL,
  ],
  ScopeSpans: [
    { number: 1, name: 'scope', message: 'InstrumentationScope', always: true },
    { number: 2, name: 'spans', message: 'Span', repeated: true },
    SCHEMA_URL,
  ],
  Span: [
    { number: 1, name: 'traceId', ...TRACE_ID },
    { number: 2, name: 'spanId', ...SPAN_ID },
    { number: 3, name: 'traceState', kind: 'string' },
    { number: 4, name: 'parentSpanId', ...SPAN_ID },
    { number: 16, name: 'flags', kind: 'fixed32' },
    { number: 5, name: 'name', kind: 'string' },
    { number: 6, name: 'kind', kind: 'enum', values: SPAN_KIND },
    { number: 7, name: 'startTimeUnixNano', kind: 'fixed64' },
    { number: 8, name: 'endTimeUnixNano', kind: 'fixed64' },
    { number: 9, ...ATTRIBUTES },
    { number: 10, ...DROPPED_ATTRIBUTES },
    { number: 11, name: 'events', message: 'SpanEvent', repeated: true },
    { number: 12, name: 'droppedEventsCount', kind: 'uint32' },
    { number: 13, name: 'links', message: 'SpanLink', repeated: true },
    { number: 14, name: 'droppedLinksCount', kind: 'uint32' },
    { number: 15, name: 'status', message: 'Status', always: true },
  ],
  SpanEvent: [
    { number: 1, name: 'timeUnixNano', kind: 'fixed64' },
    { number: 2, name: 'name', kind: 'string' },
    { number: 3, ...ATTRIBUTES },
    { number: 4, ...DROPPED_ATTRIBUTES },
  ],
  SpanLink: [
    { number: 1, name: 'traceId', ...TRACE_ID },
    { number: 2, name: 'spanId', ...SPAN_ID },
    { number: 3, name: 'traceState', kind: 'string' },
    { number: 4, ...ATTRIBUTES },
    { number: 5, ...DROPPED_ATTRIBUTES },
    { number: 6, name: 'flags', kind: 'fixed32' },
  ],
  Status: [
    { number: 2, name: 'message', kind: 'string' },
    { number: 3, name: 'code', kind: 'enum', values: STATUS_CODE },
  ],
};
