import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { BPF, defineMetric, type PlanScope } from 'bpflow/sdk';
import { type FakeBpfOptions, fakeBpf, fakeScope } from 'bpflow/testing';
import { config } from '../config.ts';
import { FACTS } from '../facts.ts';
import { plannedNeeds } from '../kernel/needs.ts';
import { machineChecks } from './machine-checks.ts';
import { planEbpf } from './plan.ts';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-plan-'));
after(() => rmSync(folder, { recursive: true }));

function scopeWith(options: FakeBpfOptions): { scope: PlanScope; bpf: ReturnType<typeof fakeBpf> } {
  const bpf = fakeBpf(options);
  const signals: PlanScope['signals'] = new Set(['metrics']);
  const used: PlanScope['used'] = new Set(['receiver/ebpf']);
  return { scope: { ...fakeScope('receiver', 'ebpf', { services: [[BPF, bpf]] }), signals, used }, bpf };
}

describe('without rights', () => {
  test('every metric that is asked for is absent with the reason and what to do, others are off', async () => {
    const { scope, bpf } = scopeWith({ capabilities: [] });
    const plan = await planEbpf(config.parse({}), scope);
    const of = (name: string) => plan.metrics.find(({ seedName }) => seedName === name)!;
    assert.equal(of('ebpf_syscall_count').state, 'absent');
    assert.match(of('ebpf_syscall_count').reason, /^Permission denied: run as root, or give the agent CAP_BPF/);
    assert.deepEqual([of('ebpf_page_faults').state, of('ebpf_page_faults').reason], ['off', 'collect_memory is off.']);
    assert.deepEqual(plan.programs, []);
    assert.match(plan.method, /not measured: Permission denied/);
    assert.deepEqual(bpf.openHandles, []);
  });

  test('with enabled: false nothing is even tried', async () => {
    const { scope, bpf } = scopeWith({});
    const plan = await planEbpf(config.parse({ enabled: false }), scope);
    assert.equal(plan.metrics.find(({ seedName }) => seedName === 'ebpf_syscall_count')!.reason, 'enabled is false.');
    assert.deepEqual(bpf.calls, []);
  });

  test('objects that are missing are told by name', async () => {
    const btf = join(folder, 'btf');
    writeFileSync(btf, '');
    const plan = await planEbpf(config.parse({ btf_path: btf }), scopeWith({}).scope, { objects: folder });
    assert.match(plan.metrics[0]!.reason, /process\.bpf\.o is missing/);
  });
});

describe('the four checks', () => {
  const mounts = join(folder, 'mounts');
  writeFileSync(mounts, 'proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw,mode=700 0 0\n');
  const good = { btf: mounts, mounts, release: '6.1.0-56-amd64' };

  test('are met on a machine that has everything', () => {
    const checks = machineChecks(fakeBpf(), '', good);
    assert.deepEqual(
      checks.map(({ name, ok, advice }) => [name, ok, advice]),
      ['kernel version', 'BTF', 'BPF file system', 'cap_sys_admin'].map((name) => [name, true, '']),
    );
    assert.deepEqual(
      checks.map(({ found }) => found),
      ['6.1.0-56-amd64', mounts, '/sys/fs/bpf', 'there'],
    );
  });

  test('each that is not says what was found and what to do', () => {
    const none = join(folder, 'none');
    const checks = machineChecks(fakeBpf({ capabilities: [] }), '', { btf: none, mounts: none, release: '5.4.0' });
    assert.deepEqual(
      checks.map(({ ok, found }) => [ok, found]),
      [
        [false, '5.4.0'],
        [false, `${none} is missing`],
        [false, 'not mounted at /sys/fs/bpf'],
        [false, 'not there'],
      ],
    );
    for (const { advice } of checks) assert.notEqual(advice, '');
  });

  test("btf_path takes the place of the kernel's own, and two smaller capabilities do", () => {
    const checks = machineChecks(fakeBpf({ capabilities: ['cap_bpf', 'cap_perfmon'] }), mounts, {
      ...good,
      btf: '/none',
    });
    assert.deepEqual(
      checks.map(({ ok }) => ok),
      [true, true, true, true],
    );
  });
});

test('rights are met by capabilities and namespaces, and each way to run the agent says how it gives them', () => {
  const met = (capabilities: string[], isHost: boolean) =>
    Object.fromEntries(plannedNeeds(fakeBpf({ capabilities }), () => isHost).map(({ feature, met }) => [feature, met]));
  const features = Object.keys(met([], false));
  const asked = (capabilities: string[], isHost: boolean) => Object.values(met(capabilities, isHost));
  assert.deepEqual(asked(['cap_sys_admin', 'cap_net_admin', 'cap_net_raw'], true), Array(6).fill(true));
  assert.deepEqual(asked(['cap_sys_admin', 'cap_net_admin'], true), [true, true, false, true, true, true]);
  assert.deepEqual(asked(['cap_sys_admin'], true), [true, false, false, true, true, true]);
  assert.deepEqual(asked(['cap_bpf', 'cap_perfmon'], false), [true, false, false, false, false, false]);
  assert.deepEqual(asked([], true), [false, false, false, false, true, false]);
  assert.equal(features.length, 6);
  for (const { given } of plannedNeeds(fakeBpf()))
    assert.deepEqual(Object.keys(given), ['root', 'DaemonSet', 'sidecar']);
});

test('every metric is there once, with a valid definition', () => {
  for (const form of ['name', 'seedName'] as const) {
    const names = FACTS.map(({ definition }) => definition[form]);
    assert.deepEqual(names, [...new Set(names)]);
  }
  for (const { definition, own, keys } of FACTS) {
    defineMetric({ ...definition, attributes: own });
    assert.ok(keys.length > 0, definition.name);
    for (const key of keys) assert.notEqual(valueAt(config.parse({}), key), undefined, key);
  }
});

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce((at: unknown, part) => (at as Record<string, unknown> | undefined)?.[part], value);
}
