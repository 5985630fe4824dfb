import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { defineExporter, defineReceiver } from '../sdk/define.ts';
import { fakeBpf } from '../sdk/testing/fake-bpf.ts';
import { Capabilities } from './capabilities.ts';
import { componentId } from './component-id.ts';
import { BUILT_IN } from './errors.ts';
import type { GraphPlan, PlannedComponent } from './graph/plan.ts';

const HAD = ['cap_bpf', 'cap_perfmon', 'cap_sys_admin', 'cap_dac_override', 'cap_net_bind_service'];

describe('capabilities after the start', () => {
  it('are what components need and what is named', () => {
    const world = new World();
    world.capabilities.drop(planOf({ needs: ['cap_bpf', 'cap_perfmon', 'cap_sys_ptrace'] }), ['cap_net_bind_service']);
    assert.deepEqual(world.bpf.capabilities(), ['cap_bpf', 'cap_perfmon', 'cap_net_bind_service']);
    assert.deepEqual(world.lines, ['info Capabilities that are not needed any more were dropped.']);
  });

  it('all stay without the kernel half, with keep_capabilities: all, and for a plugin that does not say', () => {
    for (const [plan, keep] of [
      [planOf({ needs: ['cap_dac_override'] }), []],
      [planOf({ needs: [] }), []],
      [planOf({ needs: ['cap_bpf'] }), 'all'],
      [planOf({ needs: ['cap_bpf'], plugin: 'silent' }), []],
    ] as const) {
      const world = new World();
      world.capabilities.drop(plan, keep);
      assert.deepEqual(world.bpf.capabilities(), HAD);
      world.capabilities.check(planOf({ needs: ['cap_sys_admin'] }));
    }
  });

  it('are not even asked for where nobody needs any', () => {
    const capabilities = new Capabilities(() => assert.fail('the kernel half is not needed'), new World().log);
    capabilities.drop(planOf({}), []);
  });

  it('that were dropped are told when a reload needs them; those that never were there are not', () => {
    const world = new World();
    world.capabilities.drop(planOf({ needs: ['cap_bpf'] }), []);
    assert.throws(() => world.capabilities.check(planOf({ needs: ['cap_bpf', 'cap_sys_admin'] })), {
      message: 'receiver "in" needs cap_sys_admin, which the agent dropped after its start: restart needed.',
    });
    world.capabilities.check(planOf({ needs: ['cap_bpf', 'cap_syslog'] }));
    world.capabilities.drop(planOf({ needs: ['cap_perfmon'] }), []);
    assert.deepEqual(world.bpf.capabilities(), ['cap_bpf'], 'once and for all');
  });

  it('are named as what a failure may lack, if the kernel refused something', () => {
    const refused = new Error('cannot listen', { cause: Object.assign(new Error('no'), { code: 'EACCES' }) });
    const world = new World();
    assert.equal(world.capabilities.explain(refused), refused, 'nothing was dropped yet');
    world.capabilities.drop(planOf({ needs: ['cap_bpf'] }), []);
    const told = world.capabilities.explain(new AggregateError([refused, new Error('other')], 'two'));
    assert.match(
      told.message,
      /^cannot listen\nother\nThe agent dropped its capabilities after the start; .*restart needed/,
    );
    const other = new Error('the port is taken');
    assert.equal(world.capabilities.explain(other), other);
  });

  it('that the kernel does not take away are an error in the log', () => {
    const world = new World();
    world.bpf.fail({ operation: 'drop_capabilities' });
    world.capabilities.drop(planOf({ needs: ['cap_bpf'] }), []);
    assert.deepEqual(world.lines, ['error Not all capabilities could be dropped.']);
  });
});

class World {
  readonly bpf = fakeBpf({ capabilities: HAD });
  readonly lines: string[] = [];
  readonly log = {
    debug: () => {},
    info: (message: string) => void this.lines.push(`info ${message}`),
    warn: (message: string) => void this.lines.push(`warn ${message}`),
    error: (message: string) => void this.lines.push(`error ${message}`),
  };
  readonly capabilities = new Capabilities(() => this.bpf, this.log);
}

function planOf({ needs, plugin = BUILT_IN }: { needs?: readonly string[]; plugin?: string }): GraphPlan {
  const common = {
    stability: 'development',
    description: 'A fake.',
    config: z.record(z.string(), z.unknown()),
  } as const;
  const receiver = defineReceiver({
    ...common,
    type: 'in',
    produces: ['logs'],
    ...(needs !== undefined && { capabilities: () => needs }),
    create: () => ({}),
  });
  const exporter = defineExporter({ ...common, type: 'out', consumes: ['logs'], create: () => ({ consume: {} }) });
  const planned = (spec: typeof receiver | typeof exporter, from: string): PlannedComponent => ({
    id: componentId(spec.kind, spec.type),
    entry: { spec: spec as unknown as PlannedComponent['entry']['spec'], plugin: from },
    config: {},
  });
  const [receivers, exporters] = [[planned(receiver, BUILT_IN)], [planned(exporter, plugin)]];
  return { extensions: [], pipelines: [{ id: 'logs', signal: 'logs', receivers, processors: [], exporters }] };
}
