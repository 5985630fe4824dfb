import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { capabilitiesToWrite } from './foreign-folder.ts';

test('writing to an own folder, or to one that is made in it, takes no capability', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-foreign-'));
  try {
    assert.deepEqual(capabilitiesToWrite(join(folder, 'file')), []);
    assert.deepEqual(capabilitiesToWrite(join(folder, 'later', 'deeper', 'file')), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('writing to somebody else’s takes one', { skip: process.geteuid?.() === 0 ? false : 'needs root' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-foreign-'));
  try {
    mkdirSync(join(folder, 'theirs'));
    chownSync(join(folder, 'theirs'), 1234, 1234);
    assert.deepEqual(capabilitiesToWrite(join(folder, 'theirs', 'file')), ['cap_dac_override']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
