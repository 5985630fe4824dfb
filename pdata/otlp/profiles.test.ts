import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  countItems,
  encodedParts,
  encodeOtlp,
  isEncoded,
  OtlpDecoder,
  otlpFromJson,
  otlpToJson,
  splitBatch,
  WireError,
} from '../index.ts';
import { Dice, randomRequest } from './test/random-request.ts';
import { damaged } from './test/requests.ts';

const runs = process.env['BPFLOW_SUITE'] === 'full' ? 20_000 : 2000;
const decoder = new OtlpDecoder();

interface Document {
  readonly resourceProfiles?: readonly {
    readonly scopeProfiles?: readonly { readonly profiles?: readonly { readonly samples?: readonly unknown[] }[] }[];
  }[];
}

function samplesIn(request: Uint8Array): number {
  const document = JSON.parse(new TextDecoder().decode(otlpToJson('profiles', request))) as Document;
  const profiles = document.resourceProfiles?.flatMap((resource) =>
    (resource.scopeProfiles ?? []).flatMap((scope) => scope.profiles ?? []),
  );
  return (profiles ?? []).reduce((sum, { samples = [] }) => sum + samples.length, 0);
}

describe('a request of profiles', () => {
  test('is a batch of its samples, and the bytes that it came in', () => {
    let samples = 0;
    for (let seed = 0; seed < 300; seed++) {
      const request = randomRequest('profiles', seed, { shuffled: true, zeros: true, unknownFields: true });
      const batch = decoder.decode('profiles', request);
      assert.equal(countItems(batch), samplesIn(request));
      assert.ok(isEncoded(batch));
      assert.deepEqual(encodedParts(batch), [request]);
      assert.equal(encodeOtlp(batch), request);
      samples += countItems(batch);
    }
    assert.ok(samples > 300);
  });

  test('is never split', () => {
    const sample = '{"resourceProfiles":[{"scopeProfiles":[{"profiles":[{"samples":[{},{},{}]}]}]}]}';
    const batch = decoder.decode('profiles', otlpFromJson('profiles', sample));
    assert.equal(countItems(batch), 3);
    assert.deepEqual(splitBatch('profiles', batch, 1), [batch]);
  });

  test('that is damaged is refused, or can be written as JSON', () => {
    let refused = 0;
    for (let seed = 0; seed < runs; seed++) {
      const request = damaged(randomRequest('profiles', seed % 200, { unknownFields: true }), new Dice(seed));
      try {
        decoder.decode('profiles', request);
      } catch (error) {
        assert.ok(error instanceof WireError);
        refused++;
        continue;
      }
      otlpToJson('profiles', request);
    }
    assert.ok(refused > runs / 10);
  });

  test('must have UTF-8 in its dictionary', () => {
    const request = otlpFromJson('profiles', '{"dictionary":{"stringTable":["","x"]}}');
    request[request.length - 1] = 0xff;
    assert.throws(() => decoder.decode('profiles', request), {
      name: 'WireError',
      message: /the string stringTable is not valid UTF-8/,
    });
  });
});
