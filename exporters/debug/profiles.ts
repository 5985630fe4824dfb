import {
  type EncodedBatch,
  encodedParts,
  encodeOtlpJson,
  type LogFields,
  type ProfileBatch,
  WireReader,
} from 'bpflow/sdk';
import { printable } from './text.ts';

export function profileCounts(batch: ProfileBatch): LogFields {
  return { 'resource profiles': resourceProfiles(batch), 'sample records': batch.length };
}

/** The request as OTLP/JSON: samples point into its dictionary, so only the whole of it says something. */
export function describeProfiles(batch: ProfileBatch): string {
  return printable(new TextDecoder().decode(encodeOtlpJson(batch)));
}

function resourceProfiles(batch: EncodedBatch): number {
  // ExportProfilesServiceRequest: 1 repeated resource_profiles
  let count = 0;
  for (const part of encodedParts(batch)) {
    const reader = new WireReader(part);
    while (!reader.done) {
      const tag = reader.tag();
      if (tag >>> 3 === 1) count++;
      reader.skip(tag);
    }
  }
  return count;
}
