import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ComponentSpec } from '../component.ts';
import type { ComplianceOptions } from './compliance.ts';
import { Instance } from './compliance-instance.ts';

/** Tests of start and stop. */
export function checkLifecycle(spec: ComponentSpec, options: ComplianceOptions): void {
  test('making it opens nothing: that is for start()', async () => {
    const before = openHandles();
    const instance = new Instance(spec, options);
    assert.deepEqual(added(before, openHandles()), []);
    assert.equal(instance.scope.clock.pending, 0, 'a timer is running');
    await instance.stop();
  });

  test('it starts and stops, and leaves no handle and no timer', async () => {
    const before = openHandles();
    const instance = new Instance(spec, options);
    await instance.start();
    await instance.stop();
    assert.equal(instance.scope.clock.pending, 0, 'a timer is still running');
    await until(() => added(before, openHandles()).length === 0);
    assert.deepEqual(added(before, openHandles()), []);
  });

  test('it stops without having started', async () => {
    await new Instance(spec, options).stop();
  });

  test('it stops twice', async () => {
    const instance = new Instance(spec, options);
    await instance.start();
    await instance.stop();
    await instance.stop();
  });
}

/** What keeps the process busy: sockets, servers, timers, requests. */
function openHandles(): string[] {
  return process.getActiveResourcesInfo().filter((type) => !PASSING.has(type));
}

/** The test runner's own, and what ends by itself within a turn. */
const PASSING: ReadonlySet<string> = new Set([
  'Immediate',
  'TickObject',
  'PipeWrap',
  'TTYWrap',
  'CloseReq',
  'FSReqPromise',
]);

function added(before: readonly string[], after: readonly string[]): string[] {
  const rest = [...before];
  return after.filter((type) => {
    const at = rest.indexOf(type);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100 && !done(); turn++) await sleep(20);
}
