import { type EncodedBatch, encodedBatch } from './encoded-batch.ts';

/**
 * What flows through a profiles pipeline: one export request, as the bytes that it came in. Its items refer to the dictionary
 * of their request by number, so requests can neither be joined nor split without being rewritten. Immutable.
 */
export interface ProfileBatch extends EncodedBatch {
  readonly signal: 'profiles';
  /** Samples. */
  readonly length: number;
}

/** A batch of a request that was checked. Nobody may write to the bytes from now on. */
export function profileBatch(request: Uint8Array, samples: number): ProfileBatch {
  const batch: ProfileBatch = encodedBatch('profiles', [request], samples, () => batch);
  return batch;
}
