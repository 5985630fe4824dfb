import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { AGENT, type Agent, type Component, type ComponentHealth, INSPECTION, type Inspection } from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { zpagesConfig } from './config.ts';
import spec from './index.ts';

const started: Component[] = [];
afterEach(async () => {
  for (const component of started.splice(0)) await component.stop?.();
});

const id = (kind: 'exporter' | 'extension', text: string): ComponentHealth['id'] => ({
  kind,
  type: text,
  name: '',
  toString: () => text,
});
const health: ComponentHealth[] = [
  { id: id('exporter', 'otlp'), pipeline: undefined, since: 0n, state: 'degraded', summary: 'The <sink> is away.' },
  { id: id('extension', 'zpages'), pipeline: undefined, since: 0n, state: 'ok', summary: 'Serves.' },
];
const agent: Agent = {
  name: 'bpflow',
  version: '1.2.3',
  startedAt: 0n,
  readySince: 0n,
  ready: () => true,
  health: () => health,
};
const contents: Readonly<Record<string, unknown>> = {
  'service/agent/pipelines': [
    { id: 'metrics', signal: 'metrics', receivers: ['a'], processors: ['b', 'c'], exporters: ['d'] },
  ],
  'service/agent/ledger': [
    {
      kind: 'exporter',
      id: 'd',
      in: 1200,
      out: 1000,
      dropped: { retries_exhausted: 150 },
      created: {},
      merged: 0,
      held: 40,
      imbalance: 10,
    },
  ],
  'exporter/otlp/queue': { size: 5, capacity: 1000, bytes: 2n ** 60n },
};
const inspection: Inspection = {
  list: () =>
    Object.keys(contents).map((path) => {
      const [kind, its, name] = path.split('/');
      return { kind: kind as 'service', id: its!, name: name! };
    }),
  read: (address) => contents[`${address.kind}/${address.id}/${address.name}`],
};

/** Serves pages and returns their address. */
async function serve(config: Record<string, unknown> = {}): Promise<string> {
  const scope = fakeScope('extension', 'zpages', {
    services: [
      [AGENT, agent],
      [INSPECTION, inspection],
    ],
  });
  const component = spec.create(zpagesConfig.parse({ endpoint: '127.0.0.1:0', ...config }), scope);
  started.push(component);
  await component.start?.();
  return /http:\/\/[^/]+/.exec(scope.lastHealth!.summary)![0];
}

describe('the page', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['/', ['href="/debug/ledgerz"', 'href="/debug/profilez"']],
    ['/debug/servicez', ['1.2.3', `pid ${process.pid}`]],
    ['/debug/pipelinez', ['<td>b → c</td>']],
    ['/debug/componentz', ['The &lt;sink&gt; is away.', '<span class="bad">degraded</span>', 'Serves.']],
    ['/debug/extensionz', ['Serves.']],
    ['/debug/queuez', ['exporter otlp', '&quot;capacity&quot;: 1000', '1152921504606846976']],
    ['/debug/ledgerz', ['1,200', '150 retries_exhausted', '<span class="bad">10</span>']],
    ['/debug/viewz', ['exporter otlp: queue']],
    ['/debug/featurez', ['There are none']],
    ['/debug/profilez', ['/debug/profile/cpu?seconds=10']],
  ];
  for (const [path, texts] of rows) {
    test(path, async () => {
      const response = await fetch(`${await serve()}${path}`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
      const body = await response.text();
      for (const text of texts) assert.ok(body.includes(text), `${text} is not in ${body}`);
      assert.ok(!body.includes('<sink>'));
    });
  }

  test('of extensions shows no other components', async () => {
    assert.ok(!(await (await fetch(`${await serve()}/debug/extensionz`)).text()).includes('away'));
  });
});

describe('a profile', () => {
  test('of the CPU is taken and can be read', async () => {
    const profile = (await (await fetch(`${await serve()}/debug/profile/cpu?seconds=0.05`)).json()) as {
      nodes: unknown[];
    };
    assert.ok(profile.nodes.length > 0);
  });

  test('of the heap is taken, and holds no data', async () => {
    const response = await fetch(`${await serve()}/debug/profile/heap?seconds=0.05`);
    assert.match(response.headers.get('content-disposition')!, /\.heapprofile"$/);
    assert.deepEqual(Object.keys((await response.json()) as object).sort(), ['head', 'samples']);
  });

  test('is taken one at a time, for a bounded time, and only where it is switched on', async () => {
    const address = await serve();
    const abort = new AbortController();
    const first = fetch(`${address}/debug/profile/cpu?seconds=60`, { signal: abort.signal });
    const status = async (path: string): Promise<number> => (await fetch(`${address}${path}`)).status;
    while ((await status('/debug/profile/heap?seconds=0.001')) !== 409);
    assert.equal(await status('/debug/profile/cpu?seconds=61'), 400);
    abort.abort();
    await assert.rejects(first);
    assert.equal((await fetch(`${await serve({ profiling: false })}/debug/profile/cpu`)).status, 403);
  });
});

test('other paths and methods are refused', async () => {
  const address = await serve();
  assert.equal((await fetch(`${address}/debug/none`)).status, 404);
  assert.equal((await fetch(`${address}/`, { method: 'POST' })).status, 405);
});

test('a port that is taken stops the start', async () => {
  const { host } = new URL(await serve());
  await assert.rejects(serve({ endpoint: host }), { name: 'StartError', message: /free it or set another "endpoint"/ });
});
