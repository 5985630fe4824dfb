import {
  ALWAYS,
  type AttributeValue,
  admits,
  type Bits56,
  columnValue,
  isBelow,
  NEVER,
  type SpanBatch,
  type Threshold,
  textMatcher,
  thresholdOf,
} from 'bpflow/sdk';
import { numberAt } from './rows.ts';
import { compositePolicy, type Debt } from './tail-composite.ts';
import type { PolicyConfig } from './tail-config.ts';

/** What is known of a trace as a whole. */
export interface TraceFacts {
  /** ns since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly spans: number;
  readonly randomness: Bits56;
}

/** The spans of a trace. */
export interface TraceSpans {
  some(test: (batch: SpanBatch, row: number) => boolean): boolean;
}

/** Why a trace is kept. */
export interface Keep {
  readonly policy: string;
  /** What share of such traces is kept. */
  readonly threshold: Threshold;
  /** What the policy has dropped for its rate. */
  readonly debt?: Debt;
  /** Whether the policy wants it but has no room for it now. */
  readonly isLimited?: boolean;
}

/** A policy of `tail`. */
export interface TailPolicy {
  readonly name: string;
  /** Whether the trace is kept for what this span says, whatever is still to come. */
  readonly early?: Early;
  /** When the trace is there: with what it is kept. */
  readonly late?: (trace: TraceFacts, spans: TraceSpans) => Keep | undefined;
  /** What it dropped for its rate, by counter name. */
  readonly debts?: readonly (readonly [policy: string, debt: Debt])[];
}

type Early = (batch: SpanBatch, row: number, trace: TraceFacts) => boolean;

/** What a policy asks of a trace: early for what one span is enough, else late. */
export interface Criterion {
  readonly early?: Early;
  readonly late?: (trace: TraceFacts, spans: TraceSpans) => Threshold | undefined;
}

/** `nowMs` is monotonic. */
export function tailPolicy(config: PolicyConfig, nowMs: () => number): TailPolicy {
  const { name } = config;
  if (config.type === 'composite') return compositePolicy(name, config.composite, nowMs);
  const { early, late } = criterion(config);
  return {
    name,
    ...(early && { early }),
    ...(late && {
      late: (trace, spans) => {
        const threshold = late(trace, spans);
        return threshold && { policy: name, threshold };
      },
    }),
  };
}

/** Asks a criterion of a trace that is there. */
export function verdictOf({ early, late }: Criterion, trace: TraceFacts, spans: TraceSpans): Threshold | undefined {
  if (early !== undefined && spans.some((batch, row) => early(batch, row, trace))) return ALWAYS;
  return late?.(trace, spans);
}

export function criterion(config: Exclude<PolicyConfig, { readonly type: 'composite' }>): Criterion {
  switch (config.type) {
    case 'always_sample':
      return { early: () => true };
    case 'status_code': {
      const codes = new Set(config.status_code.status_codes.map((code) => STATUS_CODES.indexOf(code)));
      return { early: ({ statusCode }, row) => codes.has(statusCode[row]!) };
    }
    case 'latency': {
      const { threshold_ms: from, upper_threshold_ms: to } = config.latency;
      if (to === 0) return { early: (_batch, _row, trace) => milliseconds(trace) >= from };
      return { late: (trace) => always(milliseconds(trace) > from && milliseconds(trace) <= to) };
    }
    case 'string_attribute': {
      const { key, values, enabled_regex_matching } = config.string_attribute;
      const matches = textMatcher(values, enabled_regex_matching ? 'regexp' : 'strict');
      return { early: byAttribute(key, (value) => typeof value === 'string' && matches(value)) };
    }
    case 'numeric_attribute': {
      const { key, min_value, max_value } = config.numeric_attribute;
      return {
        early: (batch, row) => {
          const column = batch.attributes.get(key);
          const ofResource = batch.resources[batch.resource[row]!]!.attributes.get(key);
          const value = (column && numberAt(column, row)) ?? (isNumber(ofResource) ? Number(ofResource) : undefined);
          return value !== undefined && value >= min_value && value <= max_value;
        },
      };
    }
    case 'boolean_attribute': {
      const { key, value: wanted } = config.boolean_attribute;
      return { early: byAttribute(key, (value) => value === wanted) };
    }
    case 'span_count': {
      const { min_spans, max_spans } = config.span_count;
      if (max_spans === 0) return { early: (_batch, _row, trace) => trace.spans >= min_spans };
      return { late: ({ spans }) => always(spans >= min_spans && spans <= max_spans) };
    }
    case 'probabilistic': {
      const { sampling_percentage } = config.probabilistic;
      const threshold =
        sampling_percentage === 0 ? NEVER : thresholdOf(Math.max(sampling_percentage / 100, 2 ** -56), 4)!;
      return { late: ({ randomness }) => (admits(threshold, randomness) ? threshold : undefined) };
    }
    case 'and':
      return { late: allOf(config.and.and_sub_policy.map(criterion)) };
    default:
      return config satisfies never;
  }
}

/** All of them, each by whatever spans of the trace. Their shares lie within one another, so the smallest is the share of all. */
function allOf(criteria: readonly Criterion[]): NonNullable<Criterion['late']> {
  return (trace, spans) => {
    let strictest = ALWAYS;
    for (const each of criteria) {
      const threshold = verdictOf(each, trace, spans);
      if (threshold === undefined) return undefined;
      if (isBelow(strictest, threshold)) strictest = threshold;
    }
    return strictest;
  };
}

const STATUS_CODES = ['UNSET', 'OK', 'ERROR'];

function always(verdict: boolean): Threshold | undefined {
  return verdict ? ALWAYS : undefined;
}

/** Whole ones, as in the Collector. */
function milliseconds({ start, end }: TraceFacts): number {
  return Math.floor(Number(end - start) / 1e6);
}

function byAttribute(
  key: string,
  test: (value: AttributeValue | undefined) => boolean,
): (batch: SpanBatch, row: number) => boolean {
  return (batch, row) => {
    const column = batch.attributes.get(key);
    return (
      (column !== undefined && test(columnValue(column, row))) ||
      test(batch.resources[batch.resource[row]!]!.attributes.get(key))
    );
  };
}

function isNumber(value: AttributeValue | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}
