import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { ServiceMapReport } from '../../pipeline/cli/map/report.ts';
import { cart, flowMessage, frontend, type Message } from '../../receivers/hubble/test/messages.ts';
import { AgentProcess, temporaryFolder } from './agent-process.ts';
import { askAgent } from './ask-agent.ts';
import { HubbleService } from './hubble-service.ts';

let flows = 0;
const http = (type: 'REQUEST' | 'RESPONSE', code = 0): Uint8Array => {
  const isRequest = type === 'REQUEST';
  return flow({
    Type: 2,
    event_type: { type: 129 },
    is_reply: { value: !isRequest },
    source: isRequest ? frontend : cart,
    destination: isRequest ? cart : frontend,
    l7: {
      type: isRequest ? 1 : 2,
      latency_ns: isRequest ? 0 : 20e6,
      http: { code, method: 'GET', url: 'http://cart/', protocol: 'HTTP/1.1' },
    },
  });
};
const flow = (more: Message): Uint8Array =>
  flowMessage({
    uuid: `00000000-0000-4000-8000-${String(++flows).padStart(12, '0')}`,
    time: { seconds: Math.floor(Date.now() / 1000) },
    verdict: 1,
    traffic_direction: 1,
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 1 },
    ...more,
  });

describe('bpflow map', () => {
  it('draws who talks to whom, as a running agent sees it', async () => {
    const messages = Array.from({ length: 8 }, (_, i) => [http('REQUEST'), http('RESPONSE', i < 2 ? 503 : 200)]);
    await using hubble = await HubbleService.start(messages.flat());
    using folder = temporaryFolder();
    await using agent = await AgentProcess.run(config(folder.path, receiver(hubble.address)), folder.path);
    let report: ServiceMapReport | undefined;
    for (const end = Date.now() + 15_000; report?.edges[0]?.failed !== 2; await wait(100)) {
      assert.ok(Date.now() < end, `No edge: ${JSON.stringify(report)}\n${agent.log}`);
      report = JSON.parse((await map(agent.adminPath, '--format', 'json')).stdout) as ServiceMapReport;
    }
    const [edge] = report.edges;
    assert.equal(report.edges.length, 1);
    const { client, server, type, requests, failed } = edge!;
    assert.deepEqual([client, server, type, requests, failed], ['shop/frontend', 'shop/cart', 'http', 8, 2]);
    assert.ok(edge!.requestsPerSecond > 0 && edge!.failedPerSecond > 0);
    assert.deepEqual([edge!.latency?.seenBy, edge!.latency?.answers, edge!.meanSeconds], ['server', 8, 0.02]);
    const text = await map(agent.adminPath);
    assert.match(text.stdout, /^shop\/frontend +shop\/cart +http +8 +[\d.]+ +2 +25 +20 +[\d.]+$/m);
    assert.equal(text.stderr, '');
    assert.equal(text.status, 0);
    assert.match(
      (await map(agent.adminPath, '--format', 'dot')).stdout,
      /n1 -> n0 \[label="http [\d.]+\/s, 25 % failed, p95 [\d.]+ ms"/,
    );
    assert.match(
      (await map(agent.adminPath, '--format', 'mermaid')).stdout,
      /n1 -->\|"http [\d.]+\/s, 25 % failed, p95 [\d.]+ ms"\| n0/,
    );
  });

  it('says why there is no map', async () => {
    await using hubble = await HubbleService.start([]);
    using folder = temporaryFolder();
    const off = receiver(hubble.address, 'collect_services: false');
    await using agent = await AgentProcess.run(config(folder.path, off), folder.path);
    const { stdout } = await map(agent.adminPath);
    assert.match(stdout, /^There is no map of receiver hubble: collect_services is off\.$/m);
  });

  it('says what to do where no component sees it, and in which formats it draws', async () => {
    using folder = temporaryFolder();
    const otlp = 'otlp: { protocols: { http: { endpoint: "127.0.0.1:0" } } }';
    await using agent = await AgentProcess.run(config(folder.path, otlp), folder.path);
    const { status, stderr } = await map(agent.adminPath);
    assert.match(stderr, /^Error: no component of this agent sees which services talk to which: add a receiver/);
    assert.equal(status, 1);
    const wrong = await map(agent.adminPath, '--format', 'svg');
    assert.match(wrong.stderr, /invalid argument "svg" for "--format" flag: use text or dot or mermaid or json/);
  });
});

function receiver(address: string, more = ''): string {
  return `hubble: { endpoint: "${address}", hubble_tls_enabled: false, aggregation_window: 200ms, ${more} }`;
}

const map = (path: string, ...more: readonly string[]) => askAgent('map', path, ...more);

function config(folder: string, written: string): string {
  return `
receivers:
  ${written}
exporters: { debug: { verbosity: basic } }
service:
  admin: { endpoint: ${folder}/admin.sock }
  telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] } }
  pipelines:
    metrics: { receivers: [${written.split(':', 1)[0]}], exporters: [debug] }
`;
}
