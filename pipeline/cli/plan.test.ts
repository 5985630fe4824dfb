import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineExporter, defineReceiver } from '../../sdk/define.ts';
import type { ComponentPlan, PlanScope } from '../../sdk/plan.ts';
import { componentId } from '../component-id.ts';
import { BUILT_IN } from '../errors.ts';
import type { GraphPlan } from '../graph/plan.ts';
import { Container } from '../plugins/container.ts';
import { planGraph } from './plan.ts';
import { planText } from './plan-text.ts';

const PLAN: ComponentPlan = {
  checks: [
    { name: 'kernel version', ok: true, found: '6.1.0', advice: '' },
    { name: 'BTF', ok: false, found: 'nothing', advice: 'Set btf_path.' },
  ],
  metrics: [
    {
      name: 'a.count',
      seedName: 'a_count',
      kind: 'counter',
      unit: '{a}',
      state: 'exact',
      reason: '',
      programs: ['a_btf'],
      needs: ['programs'],
      memory: ['as'],
      costNs: 20,
    },
    {
      name: 'b.count',
      seedName: 'b_count',
      kind: 'counter',
      unit: '{b}',
      state: 'absent',
      reason: 'There is no b.',
      programs: [],
      needs: [],
      memory: [],
    },
  ],
  programs: [
    {
      program: 'a_btf',
      state: 'attached',
      reason: '',
      hook: 'tp_btf/a',
      below: ['raw_tp/a'],
      without: 'No a.',
      runs: 'event',
      needs: ['programs'],
      costNs: 20,
      runsMeasured: 7,
    },
    {
      program: 'b_raw',
      state: 'failed',
      reason: 'load: EPERM',
      hook: 'raw_tp/b',
      below: [],
      without: 'No b.',
      runs: 'event',
      needs: ['programs'],
    },
  ],
  memory: [
    { name: 'small', type: 'array', entries: 1, bytes: 8, grows: '' },
    { name: 'as', type: 'percpu_hash', entries: 1024, bytes: 2 * 2 ** 20, grows: '' },
  ],
  cpus: 4,
  needs: [
    {
      feature: 'programs',
      capabilities: ['cap_bpf'],
      namespaces: ['pid'],
      met: false,
      without: 'Nothing is counted.',
      given: { root: 'yes', sidecar: 'no' },
    },
  ],
  method: 'Guessed.',
};

test('every component that can plan is asked once, with its configuration and signals, and none is made', async () => {
  const asked: [config: unknown, scope: PlanScope][] = [];
  const planning = defineReceiver({
    type: 'planning',
    stability: 'alpha',
    description: 'Plans.',
    config: z.strictObject({}),
    produces: ['metrics', 'logs'],
    plan(config, scope) {
      asked.push([config, scope]);
      return PLAN;
    },
    create: () => assert.fail('it is made'),
  });
  const silent = defineExporter({
    type: 'silent',
    stability: 'alpha',
    description: 'Has nothing to plan.',
    config: z.strictObject({}),
    consumes: ['metrics', 'logs'],
    create: () => assert.fail('it is made'),
  });
  const receiver = {
    id: componentId('receiver', 'planning', 'a'),
    entry: { spec: planning, plugin: BUILT_IN },
    config: { key: 1 },
  };
  const exporter = { id: componentId('exporter', 'silent'), entry: { spec: silent, plugin: BUILT_IN }, config: {} };
  const pipeline = { receivers: [receiver], processors: [], exporters: [exporter] };
  const graph: GraphPlan = {
    extensions: [],
    pipelines: [
      { id: 'metrics', signal: 'metrics', ...pipeline },
      { id: 'logs', signal: 'logs', ...pipeline },
    ],
  };
  const parts = await planGraph(graph, await Container.root());
  assert.deepEqual(parts, [{ kind: 'receiver', id: 'planning/a', ...PLAN }]);
  const [[config, scope], ...more] = asked as [(typeof asked)[number]];
  assert.deepEqual(
    [config, [...scope.signals], String(scope.id), more],
    [{ key: 1 }, ['metrics', 'logs'], 'planning/a', []],
  );
  assert.deepEqual([...scope.used], ['receiver/planning/a', 'exporter/silent']);
});

test('the text tells checks, metrics, programs, the largest map first, and rights', () => {
  assert.equal(
    planText([{ kind: 'receiver', id: 'planning', ...PLAN }]),
    `receiver planning

Checks
  ok  kernel version  6.1.0
  no  BTF             nothing  Set btf_path.

Metrics
  name     state    each  by
  a_count  exact   20 ns  a_btf
  b_count  absent         There is no b.

Programs
  a_btf: tp_btf/a
    20 ns a run, 7 runs; then raw_tp/a; needs programs
  b_raw: raw_tp/b
    failed: load: EPERM; No b.

Memory: 2.0 MiB on 4 CPUs
  map    type         entries     memory
  as     percpu_hash     1024    2.0 MiB
  small  array              1  0.000 MiB

Rights
  no  programs: cap_bpf, the host's pid namespace. Nothing is counted.
        root: yes
        sidecar: no

Guessed.
`,
  );
});

test('a long reason that metrics in a row have is told once', () => {
  const reason = 'Permission denied: run as root, or give the agent rights.';
  const absent = { ...PLAN.metrics[1]!, reason };
  const metrics = [absent, { ...absent, seedName: 'c_count' }, PLAN.metrics[0]!, absent];
  const lines = planText([{ kind: 'receiver', id: 'a', ...PLAN, metrics }]).split('\n');
  const told = lines.filter((line) => /^ {2}[abc]_count/.test(line)).map((line) => line.trim().split(/ {2,}/).at(-1));
  assert.deepEqual(told, [reason, 'as above', 'a_btf', reason]);
});

test('a configuration without anything to plan says so', () => {
  assert.equal(planText([]), 'No component of this configuration has anything to plan.\n');
});
