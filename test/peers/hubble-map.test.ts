import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { ServiceMapLatency, ServiceMapView } from 'bpflow/sdk';
import { Follower } from './hubble-follower.ts';
import { HubbleServer } from './hubble-server.ts';
import { temporaryFolder } from './program.ts';
import { missing } from './programs.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

describe("the service map of what Cilium's server has fed", { skip: missing('hubble-server') }, () => {
  const ways = {
    '': { metrics: true },
    ', also where no pipeline takes metrics': { metrics: false },
    ", also under Cilium's names": { metrics: true, names: 'hubble_upstream' },
  };
  for (const [way, { metrics, ...names }] of Object.entries(ways)) {
    test(`has every connection, request and latency${way}`, async () => {
      await using server = await HubbleServer.start({ folder: folder.path });
      const config = { endpoint: server.plain, hubble_tls_enabled: false, ...names };
      await using follower = new Follower(config, { metrics });
      await follower.follows();
      await server.hasStreams(1);
      await server.feed(40, 'tcp=1,http=2,grpc=1,udp=1,drop=1');
      const { fed, decoded } = await server.stats();
      await follower.has(decoded['total']!['flows']!);
      await follower.collect();
      const { edges, overflow } = follower.scope.view('service_map') as ServiceMapView;
      const sums: Record<string, number> = {};
      for (const { type, requests, failed } of edges) {
        sums[type] = (sums[type] ?? 0) + requests;
        sums[`${type} failed`] = (sums[`${type} failed`] ?? 0) + failed;
      }
      const { http_request: http, grpc_request: grpc } = fed['events']!;
      const errors = Object.entries(fed['http_status']!).filter(([status]) => Number(status) >= 500);
      assert.ok(errors.length > 0);
      assert.deepEqual(sums, {
        http,
        'http failed': errors.reduce((sum, [, count]) => sum + count, 0),
        grpc,
        'grpc failed': sums['grpc failed'],
        tcp: fed['tcp_conn']!['opened'],
        'tcp failed': 0,
      });
      assert.equal(overflow, 0);
      const latencies = edges.flatMap(({ latency }) => latency ?? []);
      assert.equal(latencies.length, edges.filter(({ type }) => type !== 'tcp').length);
      const ofServer = latencies.filter(({ seenBy }) => seenBy === 'server');
      const sum = (of: (latency: ServiceMapLatency) => number): number =>
        ofServer.reduce((total, latency) => total + of(latency), 0);
      assert.equal(
        sum(({ answers }) => answers),
        fed['edge_latency']!['server_count'],
      );
      assert.equal(Math.round(sum(({ seconds }) => seconds) * 1e9), fed['edge_latency']!['server_sum_ns']);
    });
  }
});
