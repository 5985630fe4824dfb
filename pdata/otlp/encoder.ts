import { encodedParts, isEncoded } from '../encoded-batch.ts';
import type { Batch } from '../signals.ts';
import { joinBytes } from './join-bytes.ts';
import { otlpToJson } from './json-encode.ts';
import { encodeLogs } from './logs-encode.ts';
import { encodeMetrics } from './metrics-encode.ts';
import { encodeSpans } from './spans-encode.ts';
import { WireWriter } from './wire.ts';

/**
 * The batch as an OTLP export request: `Export{Metrics,Logs,Trace}ServiceRequest`. What came as a request and was not changed
 * is that request, and shares its memory: nobody may write to the result.
 */
export function encodeOtlp(batch: Batch): Uint8Array {
  if (isEncoded(batch)) return joinBytes(encodedParts(batch));
  switch (batch.signal) {
    case 'metrics':
      return encodeMetrics(batch);
    case 'logs': {
      const writer = new WireWriter(FIRST_BYTES + batch.length * BYTES_PER_ROW);
      encodeLogs(batch, writer);
      return writer.take();
    }
    case 'traces': {
      const writer = new WireWriter(FIRST_BYTES + batch.length * BYTES_PER_ROW);
      encodeSpans(batch, writer);
      return writer.take();
    }
    default:
      return batch satisfies never;
  }
}

/** The same as OTLP/JSON: UTF-8, one line without its end, as the Collector writes it. */
export function encodeOtlpJson(batch: Batch): Uint8Array {
  return otlpToJson(batch.signal, encodeOtlp(batch));
}

const FIRST_BYTES = 512;
const BYTES_PER_ROW = 256;
