import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALWAYS } from 'bpflow/sdk';
import { Decisions } from './decisions.ts';
import { randomOf } from './test/streams.ts';

const KEEP = { policy: 'a', threshold: ALWAYS };

test('the decisions that were used last are remembered, of each kind as many as configured', () => {
  const random = randomOf(5);
  const decisions = new Decisions(20, 30);
  // Every key that was used, the last one at the end.
  let kept: string[] = [];
  let dropped: string[] = [];
  for (let step = 0; step < 5000; step++) {
    const key = String(Math.floor(random() * 60));
    const action = Math.floor(random() * 4);
    if (action < 2) {
      const found = decisions.find(key);
      assert.equal(found, kept.includes(key) ? KEEP : dropped.includes(key) ? 'dropped' : undefined, `step ${step}`);
      if (kept.includes(key)) kept = [...kept.filter((other) => other !== key), key];
      else if (dropped.includes(key)) dropped = [...dropped.filter((other) => other !== key), key];
    } else if (action === 2) {
      decisions.remember(key, KEEP);
      dropped = dropped.filter((other) => other !== key);
      kept = [...kept.filter((other) => other !== key), key].slice(-20);
    } else if (!kept.includes(key)) {
      decisions.remember(key, 'dropped');
      dropped = [...dropped.filter((other) => other !== key), key].slice(-30);
    }
    assert.equal(decisions.size, kept.length + dropped.length);
  }
});

test('none are remembered where none may be', () => {
  const decisions = new Decisions(0, 0);
  for (let i = 0; i < 10; i++) decisions.remember(String(i), i % 2 === 0 ? KEEP : 'dropped');
  assert.equal(decisions.size, 0);
});
