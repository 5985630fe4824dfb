import {
  ALWAYS,
  type AttributeValue,
  admits,
  type Bits56,
  columnValue,
  NEVER,
  type SpanBatch,
  type Threshold,
  textMatcher,
  thresholdOf,
} from 'bpflow/sdk';
import { numberAt } from './rows.ts';
import type { PolicyConfig } from './tail-config.ts';

/** What is known of a trace as a whole. */
export interface TraceFacts {
  /** ns since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly spans: number;
  readonly randomness: Bits56;
}

/** Why a trace is kept. */
export interface Keep {
  readonly policy: string;
  /** What share of such traces is kept. */
  readonly threshold: Threshold;
}

/** A policy of `tail`. */
export interface TailPolicy {
  readonly name: string;
  /** Whether the trace is kept for what this span says, whatever is still to come. */
  readonly early?: (batch: SpanBatch, row: number, trace: TraceFacts) => boolean;
  /** When the trace is there: the threshold with which it is kept. */
  readonly late?: (trace: TraceFacts) => Threshold | undefined;
}

export function tailPolicy(config: PolicyConfig): TailPolicy {
  const { name } = config;
  switch (config.type) {
    case 'always_sample':
      return { name, early: () => true };
    case 'status_code': {
      const codes = new Set(config.status_code.status_codes.map((code) => STATUS_CODES.indexOf(code)));
      return { name, early: ({ statusCode }, row) => codes.has(statusCode[row]!) };
    }
    case 'latency': {
      const { threshold_ms: from, upper_threshold_ms: to } = config.latency;
      if (to === 0) return { name, early: (_batch, _row, trace) => milliseconds(trace) >= from };
      return { name, late: (trace) => always(milliseconds(trace) > from && milliseconds(trace) <= to) };
    }
    case 'string_attribute': {
      const { key, values, enabled_regex_matching } = config.string_attribute;
      const matches = textMatcher(values, enabled_regex_matching ? 'regexp' : 'strict');
      return { name, early: byAttribute(key, (value) => typeof value === 'string' && matches(value)) };
    }
    case 'numeric_attribute': {
      const { key, min_value, max_value } = config.numeric_attribute;
      return {
        name,
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
      return { name, early: byAttribute(key, (value) => value === wanted) };
    }
    case 'span_count': {
      const { min_spans, max_spans } = config.span_count;
      if (max_spans === 0) return { name, early: (_batch, _row, trace) => trace.spans >= min_spans };
      return { name, late: ({ spans }) => always(spans >= min_spans && spans <= max_spans) };
    }
    case 'probabilistic': {
      const { sampling_percentage } = config.probabilistic;
      const threshold =
        sampling_percentage === 0 ? NEVER : thresholdOf(Math.max(sampling_percentage / 100, 2 ** -56), 4)!;
      return { name, late: ({ randomness }) => (admits(threshold, randomness) ? threshold : undefined) };
    }
    default:
      return config satisfies never;
  }
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
