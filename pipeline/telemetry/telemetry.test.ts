import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Logger } from '../../sdk/scope.ts';
import type { LogEncoding } from './console.ts';
import { InstanceMeter } from './instance-meter.ts';
import { createLogs, type LogLevel } from './logs.ts';
import { createMetrics } from './metrics.ts';
import { agentResource } from './resource.ts';

const resource = agentResource(
  { name: 'bpflow', version: '9.9' },
  { 'service.instance.id': 'i-1', 'host.name': 'h"1' },
);

describe('the log', () => {
  it('writes time, level, origin, message and fields, separated by tabs', () => {
    const lines = logged((log) => log.info('It works.', { port: 1, path: 'a b', nested: { a: [1] } }));
    assert.equal(lines.length, 1);
    const [time, ...rest] = lines[0]!.split('\t');
    assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, ['info', 'receiver/x', 'It works.', '{"port":1,"path":"a b","nested":{"a":[1]}}\n']);
  });

  it('gives every record the fields that it was made with', () => {
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const initialFields = { site: 'a', port: 1, tags: ['x'] };
    const log = createLogs({ level: 'info', encoding: 'json', resource, write, initialFields }).logger('receiver/x');
    log.info('It works.', { port: 2 });
    log.warn('It still does.');
    const fields = lines.map((line) => JSON.parse(line)).map(({ site, port, tags }) => ({ site, port, tags }));
    assert.deepEqual(fields, [
      { site: 'a', port: 2, tags: ['x'] },
      { site: 'a', port: 1, tags: ['x'] },
    ]);
  });

  it('goes where it is told to, once each', () => {
    const written = (outputs: string): readonly string[] => {
      const script = `import { createLogs } from './pipeline/telemetry/logs.ts';
        import { agentResource } from './pipeline/telemetry/resource.ts';
        const resource = agentResource({ name: 'a', version: '1' });
        createLogs({ level: 'info', encoding: 'console', resource${outputs} }).logger('x').info('Here.');`;
      const flags = ['--conditions=source', '--input-type=module-typescript', '-e', script];
      const cwd = join(import.meta.dirname, '..', '..');
      const { stdout, stderr } = spawnSync(process.execPath, flags, { cwd, encoding: 'utf8' });
      return [stdout, stderr].map((text) => text.replace(/^\S+\t/gm, ''));
    };
    const line = 'info\tx\tHere.\n';
    assert.deepEqual(written(''), ['', line]);
    assert.deepEqual(written(", outputs: ['stdout']"), [line, '']);
    assert.deepEqual(written(", outputs: ['stderr', 'stdout', 'stdout']"), [line, line]);
  });

  it('leaves out what is below its level', () => {
    const say = (log: Logger): void => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level](level);
    };
    assert.deepEqual(
      logged(say, 'warn').map((line) => line.split('\t')[1]),
      ['warn', 'error'],
    );
    assert.equal(logged(say, 'debug').length, 4);
  });

  it('keeps a message on one line, whatever is in it', () => {
    const [line] = logged((log) => log.warn('a\nb\u001b[31m\tc', { text: 'x\ny' }));
    assert.match(line!, /\ta\\nb\\u001b\[31m\\tc\t\{"text":"x\\ny"\}\n$/);
  });

  it('writes what JSON cannot carry as text', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const [line] = logged((log) =>
      log.error('Odd.', { big: 10n, error: new TypeError('no'), nan: Number.NaN, gone: undefined, none: null, cyclic }),
    );
    const fields = JSON.parse(line!.split('\t')[4]!);
    assert.deepEqual(fields, { big: '10', error: 'no', nan: 'NaN', none: 'null', cyclic: '[object Object]' });
  });

  it('writes one JSON object a line when asked to', () => {
    const [line] = logged((log) => log.info('It works.', { port: 1 }), 'info', 'json');
    const { ts, ...rest } = JSON.parse(line!);
    assert.ok(ts);
    assert.deepEqual(rest, { level: 'info', logger: 'receiver/x', msg: 'It works.', port: 1 });
  });
});

describe('the metrics page', () => {
  it('prints families sorted, without suffixes and scopes, and the resource in target_info', async () => {
    const metrics = await createMetrics(pulled());
    const meter = metrics.meter('bpflow');
    const counter = meter.createCounter('otelcol_b', { description: 'Bytes \\ and\nmore. [Alpha]', unit: 'By' });
    counter.add(3, { receiver: 'otlp', otel_signal: 'logs' });
    counter.add(1500000, { receiver: 'a"b\\c\nd' });
    meter.createGauge('otelcol.a-1', { description: '' }).record(0.5);
    const histogram = meter.createHistogram('otelcol_c', {
      description: 'C.',
      advice: { explicitBucketBoundaries: [1, 5] },
    });
    for (const value of [1, 2, 9]) histogram.record(value, { processor: 'p' });
    const response = await fetch(metrics.pages[0]!);
    assert.equal(
      response.headers.get('content-type'),
      'text/plain; version=0.0.4; charset=utf-8; escaping=underscores',
    );
    assert.equal(
      await response.text(),
      [
        '# HELP otelcol_a_1 ',
        '# TYPE otelcol_a_1 gauge',
        'otelcol_a_1 0.5',
        '# HELP otelcol_b Bytes \\\\ and\\nmore. [Alpha]',
        '# TYPE otelcol_b counter',
        'otelcol_b{otel_signal="logs",receiver="otlp"} 3',
        'otelcol_b{receiver="a\\"b\\\\c\\nd"} 1.5e+06',
        '# HELP otelcol_c C.',
        '# TYPE otelcol_c histogram',
        'otelcol_c_bucket{processor="p",le="1"} 1',
        'otelcol_c_bucket{processor="p",le="5"} 2',
        'otelcol_c_bucket{processor="p",le="+Inf"} 3',
        'otelcol_c_sum{processor="p"} 12',
        'otelcol_c_count{processor="p"} 3',
        '# HELP target_info Target metadata',
        '# TYPE target_info gauge',
        'target_info{host_name="h\\"1",service_instance_id="i-1",service_name="bpflow",service_version="9.9"} 1',
        '',
      ].join('\n'),
    );
    await metrics.stop(1000);
  });

  it('stays bounded whatever label values come, and adds up', async () => {
    const metrics = await createMetrics(pulled());
    const meter = metrics.meter('bpflow');
    let values = 500;
    let each = 1;
    const observe = (observation: (value: number, labels: Record<string, string>) => void): void => {
      for (let i = 0; i < values; i++) observation(each, { metric: `m${i}`, reason: i % 2 === 0 ? 'even' : 'odd' });
    };
    const alone = meter.createObservableCounter('bpflow_alone');
    alone.addCallback((result) => observe((value, labels) => result.observe(value, labels)));
    const together = meter.createObservableCounter('bpflow_together');
    const fill = meter.createObservableGauge('bpflow_fill');
    meter.addBatchObservableCallback(
      (result) => {
        observe((value, labels) => result.observe(together, value, labels));
        observe((value, labels) => result.observe(fill, value, labels));
      },
      [together, fill],
    );
    const before = new Map<string, number>();
    for (const [count, value] of [
      [500, 1],
      [5000, 2],
      [5000, 5],
      [3000, 6],
    ] as const) {
      values = count;
      each = value;
      const lines = (await (await fetch(metrics.pages[0]!)).text())
        .split('\n')
        .filter((line) => line.includes('metric='));
      const of = (name: string): Map<string, number> =>
        new Map(
          lines
            .filter((line) => line.startsWith(`${name}{`))
            .map((line) => [line.slice(0, line.indexOf('} ')), Number(line.slice(line.indexOf('} ') + 2))]),
        );
      for (const name of ['bpflow_alone', 'bpflow_together', 'bpflow_fill']) {
        const shown = of(name);
        assert.ok(shown.size <= 1101, `${name}: ${shown.size}`);
        const total = [...shown.values()].reduce((sum, one) => sum + one, 0);
        if (count >= 500 && count !== 3000) assert.equal(total, count * value, `${name} of ${count}`);
        if (name === 'bpflow_fill') continue;
        for (const [labels, one] of shown) assert.ok(one >= (before.get(labels) ?? 0), labels);
        for (const [labels, one] of shown) before.set(labels, one);
      }
      if (count > 1000)
        assert.ok([...of('bpflow_alone').keys()].some((labels) => /metric="other".*reason="odd"/.test(labels)));
    }
    await metrics.stop(1000);
  });

  it('remembers a bounded number of label sets, also of an instance that is replaced, and counts the rest', async () => {
    const metrics = await createMetrics(pulled());
    const instances = [1, 2].map(
      () =>
        new InstanceMeter(
          metrics.meter('bpflow'),
          createLogs({ level: 'error', encoding: 'json', resource, write: () => {} }).logger('x'),
        ),
    );
    for (const instance of instances) {
      instance.meter.createObservableCounter('bpflow_flood').addCallback((result) => {
        for (let i = 0; i < 25_000; i++) result.observe(1, { i });
      });
    }
    instances[0]!.show();
    const totalOf = async (): Promise<number> => {
      const lines = (await (await fetch(metrics.pages[0]!)).text()).split('\n');
      const shown = lines.filter((line) => line.startsWith('bpflow_flood{'));
      assert.ok(shown.length <= 1101, `${shown.length}`);
      const refused = lines.find((line) => line.startsWith('bpflow_telemetry_refused_observations{'));
      assert.match(refused!, /instrument="bpflow_flood"/);
      return shown.reduce((total, line) => total + Number(line.slice(line.indexOf('} ') + 2)), 0);
    };
    await totalOf();
    assert.equal(await totalOf(), 21_000);
    await instances[0]!.leave();
    instances[1]!.show(instances[0]);
    assert.ok((await totalOf()) >= 21_000);
    await metrics.stop(1000);
  });

  it('is at /metrics only, and gone after the end', async () => {
    const metrics = await createMetrics(pulled());
    const page = metrics.pages[0]!;
    assert.equal((await fetch(page.replace('/metrics', '/'))).status, 404);
    assert.equal((await fetch(page, { method: 'POST' })).status, 405);
    await metrics.stop(1000);
    await assert.rejects(fetch(page));
  });

  it('says which address is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    await assert.rejects(createMetrics(pulled(port)), {
      name: 'PipelineError',
      message: `failed to create meter provider: binding address 127.0.0.1:${port} for Prometheus exporter: listen tcp 127.0.0.1:${port}: bind: address already in use`,
    });
    other.close();
  });

  it('is absent at the level none', async () => {
    const metrics = await createMetrics({ ...pulled(), level: 'none' });
    metrics.meter('x').createCounter('y').add(1);
    assert.deepEqual(metrics.pages, []);
    await metrics.stop(1000);
  });
});

describe('pushing the metrics', () => {
  it('sends OTLP over HTTP, a last time at the end', async () => {
    const requests: { url: string | undefined; type: string | undefined; header: unknown; bytes: number }[] = [];
    const server = createServer(async (request, response) => {
      let bytes = 0;
      for await (const chunk of request) bytes += chunk.length;
      const { url, headers } = request;
      requests.push({ url, type: headers['content-type'], header: headers['x-key'], bytes });
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const metrics = await createMetrics({
      level: 'normal',
      resource,
      log: silent,
      readers: [
        {
          kind: 'periodic',
          url: `http://127.0.0.1:${port}/v1/metrics`,
          headers: { 'x-key': 'k' },
          intervalMs: 60_000,
          timeoutMs: 5_000,
          temporality: 'cumulative',
        },
      ],
    });
    metrics.meter('bpflow').createCounter('otelcol_x').add(1);
    await metrics.stop(5_000);
    server.close();
    assert.equal(requests.length, 1);
    const { bytes, ...rest } = requests[0]!;
    assert.ok(bytes > 0);
    assert.deepEqual(rest, { url: '/v1/metrics', type: 'application/x-protobuf', header: 'k' });
  });
});

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

function pulled(port = 0) {
  return { level: 'normal', resource, log: silent, readers: [{ kind: 'pull', host: '127.0.0.1', port }] } as const;
}

function logged(say: (log: Logger) => void, level: LogLevel = 'info', encoding: LogEncoding = 'console'): string[] {
  const lines: string[] = [];
  say(createLogs({ level, encoding, resource, write: (line) => void lines.push(line) }).logger('receiver/x'));
  return lines;
}
