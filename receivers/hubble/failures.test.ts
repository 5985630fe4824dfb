import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GRPC } from 'bpflow/transport';
import { describeFailure } from './failures.ts';

/** An error as grpc-js throws it. */
function failure(code: number, details: string): Error {
  return Object.assign(new Error(`${code} FAILED: ${details}`), { code, details });
}

const unavailable = (why: string): Error =>
  failure(GRPC.UNAVAILABLE, `No connection established. Last error: ${why}. Resolution note: `);

const CASES: readonly (readonly [Error, RegExp])[] = [
  [unavailable('Error: connect ECONNREFUSED 10.0.0.1:4245'), /refused: is Hubble Relay running \(kubectl/],
  [failure(GRPC.UNAVAILABLE, 'Name resolution failed for target dns:relay:80'), /the name is not known here/],
  [unavailable('connect ENOENT /var/run/cilium/hubble.sock'), /there is no such socket; is \/var\/run\/cilium/],
  [unavailable('connect EACCES /var/run/cilium/hubble.sock'), /may not open the socket/],
  [unavailable('connect EHOSTUNREACH 10.0.0.1:4245'), /cannot be reached .*does a network policy allow it/],
  [unavailable('Error: certificate has expired'), /TLS .* failed: the other end's certificate has expired/],
  [unavailable('Error: unable to verify the first certificate'), /TLS .* failed: the authority .* is not trusted/],
  [unavailable('socket hang up'), /was lost: socket hang up\.$/],
  [failure(GRPC.UNIMPLEMENTED, 'unknown service observer.Observer'), /is no Hubble server/],
  [failure(GRPC.DEADLINE_EXCEEDED, 'Deadline exceeded'), /does not answer in time/],
  [failure(GRPC.PERMISSION_DENIED, 'no'), /does not let this agent in: no\.$/],
  [failure(GRPC.UNAUTHENTICATED, 'who are you'), /does not let this agent in: who are you\.$/],
  [failure(GRPC.INVALID_ARGUMENT, 'invalid filter'), /does not take the filters or the field mask: invalid filter\.$/],
  [failure(GRPC.RESOURCE_EXHAUSTED, 'message larger than max'), /sends what is too large: message larger than max\.$/],
  [new Error('the agent is out of luck'), /^Hubble at relay:80: the agent is out of luck\.$/],
];

for (const [error, expected] of CASES) {
  test(`${error.message.slice(0, 70)}: ${String(expected)}`, () => {
    const sentence = describeFailure(error, 'relay:80');
    assert.match(sentence, expected);
    assert.match(sentence, /relay:80/);
  });
}

test('what a server says is cut off', () => {
  assert.ok(describeFailure(failure(GRPC.PERMISSION_DENIED, 'x'.repeat(10_000)), 'relay:80').length < 500);
});
