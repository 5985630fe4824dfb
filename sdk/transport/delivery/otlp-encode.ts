import { encodedParts, isEncoded } from '../../../pdata/encoded-batch.ts';
import { encodeOtlp } from '../../../pdata/index.ts';
import type { Batch } from '../../../pdata/signals.ts';
import type { Names } from '../../names.ts';
import { presentBatch } from '../../present-batch.ts';
import type { Encode } from './requests.ts';

/** Batches as OTLP protobuf: those that came as such and were not changed go as they are, own metrics under a profile's names. */
export function otlpRequests(names: Names): Encode {
  return (_, batch: Batch) => {
    if (isEncoded(batch)) return encodedParts(batch);
    return [encodeOtlp(batch.signal === 'metrics' ? presentBatch(batch, names) : batch)];
  };
}
