import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeScope } from 'bpflow/testing';
import { config } from './config.ts';
import { FlowIntake } from './flow-intake.ts';
import { Hints } from './hints.ts';
import type { ServerStatus } from './messages.ts';
import { cart, encode, flowMessage, frontend, type Message } from './test/messages.ts';

const MINUTE_MS = 60_000;
const status = (seen: number): ServerStatus => ({
  entries: Math.min(seen, 4095),
  capacity: 4095,
  seen,
  uptimeNs: 1e9,
  version: '1.20.2',
  connectedNodes: undefined,
  unavailableNodes: undefined,
});

function hintsOf(options: Message = {}) {
  const scope = fakeScope('receiver', 'hubble');
  const settings = config.parse({ endpoint: 'a:1', exclude_namespaces: [], max_flows_per_second: 0, ...options });
  const intake = new FlowIntake({ config: settings, version: '0' });
  const hints = new Hints(intake, scope, settings.collect_l7_flows);
  const take = (count: number, more: Message = {}): void => {
    for (let i = 0; i < count; i++) intake.take(flowMessage({ source: frontend, destination: cart, ...more }));
  };
  const said = (): readonly string[] => scope.logs.map(({ message }) => message);
  return { scope, intake, hints, take, said };
}

describe('what a user would wonder about is said once', () => {
  test('no flow at all: is Cilium the CNI, is Hubble enabled', () => {
    const { hints, said } = hintsOf();
    hints.tick(0);
    hints.tick(10 * MINUTE_MS);
    assert.deepEqual(said(), [], 'nothing is known before the server has answered');
    hints.status(status(0));
    hints.tick(10 * MINUTE_MS);
    hints.tick(11 * MINUTE_MS);
    assert.deepEqual(said(), []);
    hints.tick(11 * MINUTE_MS + 1);
    hints.tick(20 * MINUTE_MS);
    assert.equal(said().length, 1);
    assert.match(said()[0]!, /has seen no flow: is Cilium the CNI of these pods, and is Hubble enabled/);
  });

  test('flows that the server sees and does not send: the filters', () => {
    const { hints, said } = hintsOf();
    hints.status(status(5000));
    hints.tick(0);
    hints.tick(MINUTE_MS + 1);
    assert.match(said()[0]!, /sees flows, and none comes: do include, exclude and watch_namespaces leave out/);
  });

  test('flows, but none of L7: visibility is off', () => {
    const { hints, take, said } = hintsOf();
    hints.status(status(5000));
    hints.tick(0);
    take(1000);
    hints.tick(6 * MINUTE_MS);
    assert.deepEqual(said(), [], '1,000 flows are few');
    take(1);
    hints.tick(7 * MINUTE_MS);
    hints.tick(8 * MINUTE_MS);
    assert.equal(said().length, 1);
    assert.match(said()[0]!, /none of HTTP, gRPC or DNS: L7 visibility is off/);
  });

  test('nothing of L7 where it comes or is not asked for', () => {
    const l7 = { Type: 2, event_type: { type: 129 }, l7: { type: 1, http: { method: 'GET' } } };
    const coming = hintsOf();
    const unwanted = hintsOf({ collect_l7_flows: false });
    for (const { hints, take } of [coming, unwanted]) {
      hints.status(status(5000));
      hints.tick(0);
      take(2000);
    }
    coming.take(1, l7);
    for (const { hints, said } of [coming, unwanted]) {
      hints.tick(10 * MINUTE_MS);
      assert.deepEqual(said(), []);
    }
  });

  test('losses and flows over the limit, once a minute, with what came since', () => {
    const { scope, intake, hints, take } = hintsOf({ max_flows_per_second: 1 });
    const lost = (count: number): boolean =>
      intake.take(encode('GetFlowsResponse', { lost_events: { source: 3, num_events_lost: count } }));
    hints.status(status(5000));
    hints.tick(0);
    lost(7);
    take(3);
    hints.tick(1000);
    lost(5);
    hints.tick(30_000);
    hints.tick(MINUTE_MS + 1000);
    hints.tick(5 * MINUTE_MS);
    assert.deepEqual(
      scope.logs.map(({ level, fields }) => [level, fields]),
      [
        ['warn', { lost: 7 }],
        ['warn', { dropped: 2 }],
        ['warn', { lost: 5 }],
      ],
    );
  });
});
