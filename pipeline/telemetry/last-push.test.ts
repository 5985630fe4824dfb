import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastPushMs } from './last-push.ts';

test('the last push of own metrics has a share of the time for the stop, and never nothing', () => {
  assert.equal(lastPushMs(10_000, 9_900), 2000);
  assert.equal(lastPushMs(10_000, 1_200), 1200);
  assert.equal(lastPushMs(10_000, -5), 500);
  assert.equal(lastPushMs(1_000, 1_000), 500);
});
