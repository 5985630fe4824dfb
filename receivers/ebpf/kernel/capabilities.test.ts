import { deepEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { config } from '../config.ts';
import { neededCapabilities } from './capabilities.ts';

const SPLIT = ['cap_bpf', 'cap_perfmon'];
const needed = (keys: object, had: readonly string[] = SPLIT, unpreempted = false) =>
  neededCapabilities(config.parse(keys), had, unpreempted);

test('counting goes on with two capabilities, or with the one that stood for them', () => {
  deepEqual(needed({}), SPLIT);
  deepEqual(needed({}, ['cap_sys_admin']), ['cap_sys_admin']);
  deepEqual(needed({ enabled: false }), []);
});

test('what keys and kernels take more is kept, too', () => {
  deepEqual(needed({ monitor_paths: ['/etc'] }), [...SPLIT, 'cap_dac_read_search']);
  deepEqual(needed({ collect_dns: true }), [...SPLIT, 'cap_net_admin']);
  deepEqual(needed({ collect_http: true }), [...SPLIT, 'cap_net_admin']);
  deepEqual(needed({ stack_traces: ['exec'] }), [...SPLIT, 'cap_sys_ptrace', 'cap_syslog']);
  deepEqual(needed({}, SPLIT, true), [...SPLIT, 'cap_sys_nice']);
});

test('programs of the user at networks keep what they take', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-capabilities-'));
  try {
    const keys = { programs_path: folder };
    deepEqual(needed(keys), SPLIT);
    writeFileSync(join(folder, 'a.yaml'), 'programs: { a: }');
    deepEqual(needed(keys), SPLIT);
    writeFileSync(join(folder, 'b.yaml'), 'programs: { b: { interface: eth0 } }');
    deepEqual(needed(keys), [...SPLIT, 'cap_net_admin', 'cap_net_raw']);
    writeFileSync(join(folder, 'b.yaml'), 'programs: {');
    deepEqual(needed(keys), [...SPLIT, 'cap_net_admin', 'cap_net_raw']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
