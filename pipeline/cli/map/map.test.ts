import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServiceMapEdge, ServiceMapLatency, ServiceMapView } from '../../../sdk/service-map.ts';
import { mapDot } from './dot.ts';
import { mapMermaid } from './mermaid.ts';
import { mapReport } from './report.ts';
import { mapText } from './text.ts';

const edge = (client: string, server: string, more: Partial<ServiceMapEdge> = {}): ServiceMapEdge => ({
  client,
  server,
  type: 'http',
  requests: 100,
  failed: 0,
  requestsPerSecond: 2,
  failedPerSecond: 0,
  ...more,
});
/** Buckets as lower bound, upper bound and answers, of which each took 0.05 s. */
const seen = (
  seenBy: ServiceMapLatency['seenBy'],
  ...buckets: readonly (readonly [above: number, upTo: number | undefined, answers: number])[]
): ServiceMapLatency => {
  const answers = buckets.reduce((sum, [, , own]) => sum + own, 0);
  const rows = buckets.map(([above, upTo, own]) => ({ above, ...(upTo === undefined ? {} : { upTo }), answers: own }));
  return { seenBy, answers, seconds: answers * 0.05, buckets: rows };
};
const view = (...edges: readonly ServiceMapEdge[]): ServiceMapView => ({ seconds: 60, edges, overflow: 0 });

const report = mapReport({
  'receiver hubble/a': view(
    edge('shop/frontend', 'shop/cart', { failed: 10, failedPerSecond: 0.5, latency: seen('server', [0, 0.1, 90]) }),
    edge('shop/cart', 'data/redis', { type: 'tcp', requestsPerSecond: 0.0123 }),
    edge('world', 'shop/frontend', { requestsPerSecond: 12_345.6 }),
  ),
  'receiver hubble/b': view(
    edge('shop/frontend', 'shop/cart', {
      requests: 1,
      requestsPerSecond: 0.5,
      latency: seen('server', [0, 0.1, 4], [0.1, 0.2, 6]),
    }),
  ),
});

describe('a service map', () => {
  it('adds edges of several components', () => {
    const [, cart] = report.edges;
    assert.deepEqual(
      [cart!.client, cart!.requests, cart!.requestsPerSecond, cart!.failed],
      ['shop/frontend', 101, 2.5, 10],
    );
    assert.equal(report.edges.length, 3);
  });

  it('adds latencies of several components, of the one side that both are of', () => {
    const { latency, meanSeconds, p95Seconds } = report.edges[1]!;
    assert.deepEqual([latency?.answers, meanSeconds], [100, 0.05]);
    // 94 of 100 took at most 0.1 s, all of them at most 0.2 s: the 95th is a sixth of the way.
    assert.ok(Math.abs(p95Seconds! - (0.1 + 0.1 / 6)) < 1e-12);
    const sides = mapReport({
      a: view(edge('x', 'y', { latency: seen('client', [0, 1, 5]) })),
      b: view(edge('x', 'y', { latency: seen('server', [0, 2, 5]) })),
    });
    assert.deepEqual([sides.edges[0]?.latency?.seenBy, sides.edges[0]?.p95Seconds], ['server', 1.9]);
    const slow = mapReport({ a: view(edge('x', 'y', { latency: seen('client', [0, 1, 5], [10, undefined, 5]) })) });
    assert.equal(slow.edges[0]?.p95Seconds, 10);
  });

  it('is a table', () => {
    assert.equal(
      mapText(report),
      `client         server         type  requests  per second  failed  failed %  mean ms  p95 ms
world          shop/frontend  http       100       12346       0         0        -       -
shop/frontend  shop/cart      http       101         2.5      10        20       50     117
shop/cart      data/redis     tcp        100      0.0123       0         0        -       -

Rates are those of the last 60 s; counts are since the start.
`,
    );
  });

  it('is a graph in DOT, with a frame for each namespace', () => {
    assert.equal(
      mapDot(report),
      `digraph services {
  rankdir=LR;
  node [shape=box, style=rounded];
  subgraph cluster_0 {
    label="data";
    n0 [label="redis"];
  }
  subgraph cluster_1 {
    label="shop";
    n1 [label="cart"];
    n2 [label="frontend"];
  }
  n3 [label="world"];
  n1 -> n0 [label="tcp 0.0123/s"];
  n2 -> n1 [label="http 2.5/s, 20 % failed, p95 117 ms", color=red, fontcolor=red];
  n3 -> n2 [label="http 12346/s"];
}
`,
    );
  });

  it('is a flowchart in Mermaid', () => {
    assert.equal(
      mapMermaid(report),
      `flowchart LR
  subgraph s0["data"]
    n0["redis"]
  end
  subgraph s1["shop"]
    n1["cart"]
    n2["frontend"]
  end
  n3["world"]
  n1 -->|"tcp 0.0123/s"| n0
  n2 -->|"http 2.5/s, 20 % failed, p95 117 ms"| n1
  n3 -->|"http 12346/s"| n2
  linkStyle 1 stroke:red,color:red
`,
    );
  });

  it('takes names that mean something to these languages', () => {
    const hostile = mapReport({ a: view(edge('x/a"];b[label="', 'end\n#quot;<script>\\N')) });
    const dot = mapDot(hostile);
    assert.match(dot, /label="a\\"\];b\[label=\\""\]/);
    assert.match(dot, /label="end #quot;<script>\\\\N"/);
    const mermaid = mapMermaid(hostile);
    assert.match(mermaid, /n1\["a#34;\];b\[label=#34;"\]/);
    assert.match(mermaid, /n0\["end#10;#35;quot;#60;script#62;\\N"\]/);
  });

  it('says what is missing', () => {
    const none = { seconds: 0, edges: [], overflow: 0, unavailable: 'it is off.' };
    assert.equal(
      mapText(mapReport({ 'receiver x': none })),
      'No service has talked to another yet.\n\nThere is no map of receiver x: it is off.\n',
    );
    assert.match(
      mapText(mapReport({ x: { ...view(edge('a', 'b')), overflow: 7 } })),
      /^7 requests of further services/m,
    );
  });
});
