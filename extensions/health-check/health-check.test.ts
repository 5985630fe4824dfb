import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { AGENT, type Agent, type Component } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { healthCheckConfig } from './config.ts';
import { createHealthCheck, goDuration, rfc3339 } from './health-check.ts';

const SINCE = 1_795_227_304_029_928_283n;

const started: Component[] = [];
afterEach(async () => {
  for (const component of started.splice(0)) await component.stop?.();
});

/** A health check of an agent that is ready or not; returns its address. */
async function check(config: Record<string, unknown> = {}, agent: Partial<Agent> = {}): Promise<string> {
  const scope = fakeScope('extension', 'health_check');
  scope.provide(AGENT, {
    name: 'bpflow',
    version: '0',
    startedAt: SINCE,
    readySince: SINCE,
    ready: () => true,
    health: () => [],
    ...agent,
  });
  scope.clock.set(SINCE + 1_173_223_837n);
  const component = createHealthCheck(healthCheckConfig.parse({ endpoint: '127.0.0.1:0', ...config }), scope);
  started.push(component);
  await component.start?.();
  return /http:\/\/[^/]+/.exec(scope.lastHealth?.summary ?? '')![0];
}

describe('a health check', () => {
  test('answers 200 on every path and method while the agent is ready', async () => {
    const address = await check();
    for (const [path, method] of [
      ['/', 'GET'],
      ['/any/path?x', 'GET'],
      ['/', 'POST'],
    ] as const) {
      const response = await fetch(`${address}${path}`, { method });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.equal(
        await response.text(),
        '{"status":"Server available","upSince":"2026-11-21T02:15:04.029928283Z","uptime":"1.173223837s"}',
      );
    }
  });

  test('answers 503 before and after', async () => {
    const response = await fetch(await check({}, { ready: () => false, readySince: undefined }));
    assert.equal(response.status, 503);
    assert.equal(
      await response.text(),
      '{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}',
    );
  });

  test('answers on its path only, where one is set', async () => {
    const address = await check({ path: '/health/status' });
    assert.equal((await fetch(`${address}/health/status?verbose`)).status, 200);
    assert.equal((await fetch(`${address}/`)).status, 404);
    assert.equal((await fetch(`${address}/health/status/x`)).status, 404);
  });

  test('answers with the texts of the configuration', async () => {
    const bodies = { response_body: { healthy: 'fine', unhealthy: 'not fine' } };
    assert.equal(await (await fetch(await check(bodies))).text(), 'fine');
    const response = await fetch(await check(bodies, { ready: () => false }));
    assert.equal(response.status, 503);
    assert.equal(await response.text(), 'not fine');
  });

  test('that finds its port in use stops the start', async () => {
    const { host } = new URL(await check());
    await assert.rejects(check({ endpoint: host }), {
      name: 'StartError',
      message: `cannot listen on ${host}: the address is in use, by another process or by another component of this configuration; free it or set another "endpoint"`,
    });
  });

  test('stops twice, and without having started', async () => {
    const scope = fakeScope('extension', 'health_check');
    scope.provide(AGENT, {} as Agent);
    const component = createHealthCheck(healthCheckConfig.parse({}), scope);
    await component.stop?.();
    await component.stop?.();
  });
});

test('the configuration refuses a path without slash and unknown keys', () => {
  assert.equal(healthCheckConfig.safeParse({ path: 'status' }).success, false);
  assert.equal(healthCheckConfig.safeParse({ port: 13133 }).success, false);
  assert.deepEqual(healthCheckConfig.parse({}), { endpoint: { host: 'localhost', port: 13133 }, path: '/' });
});

test('times and durations are printed as Go prints them', () => {
  assert.equal(rfc3339(1_795_227_304_000_000_000n), '2026-11-21T02:15:04Z');
  assert.equal(rfc3339(1_795_227_304_100_000_000n), '2026-11-21T02:15:04.1Z');
  const durations: readonly [bigint, string][] = [
    [0n, '0s'],
    [999n, '999ns'],
    [1_500n, '1.5µs'],
    [15_000_000n, '15ms'],
    [61_000_000_000n, '1m1s'],
    [7_380_500_000_000n, '2h3m0.5s'],
  ];
  for (const [ns, text] of durations) assert.equal(goDuration(ns), text);
});
