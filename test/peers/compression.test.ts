import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bpflow, otelcol, start } from './agents.ts';
import { sendEverything } from './everything.ts';
import { freeAddresses, temporaryFolder } from './program.ts';
import { missing } from './programs.ts';
import { telemetryMetrics } from './relay-configuration.ts';

const skip = missing('otelcol');
const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());

const compressions = {
  otlp_grpc: ['gzip', 'zstd', 'snappy'],
  otlp_http: ['gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'x-snappy-framed'],
} as const;

describe('what a Collector compresses bpflow takes, and what bpflow compresses a Collector', { skip }, () => {
  let plain: readonly string[] = [];
  before(async () => {
    plain = await linesThrough('otlp_http', 'none');
  });

  for (const [exporter, names] of Object.entries(compressions)) {
    for (const compression of names) {
      test(`${exporter}: ${compression}`, async () => {
        assert.equal(plain.length, 3);
        assert.deepEqual(await linesThrough(exporter, compression), plain);
      });
    }
  }
});

/** otelcol → bpflow → otelcol → file: its lines, sorted. */
async function linesThrough(exporter: string, compression: string): Promise<readonly string[]> {
  const path = join(folder.path, `${exporter}-${compression}.json`);
  const addresses = await freeAddresses(3);
  const algorithms = ['', ...compressions.otlp_http];
  const receivers = (address: string, takes = exporter) => ({
    otlp: {
      protocols:
        takes === 'otlp_grpc'
          ? { grpc: { endpoint: address } }
          : { http: { endpoint: address, compression_algorithms: algorithms } },
    },
  });
  const to = (address: string) => ({
    [exporter]: {
      endpoint: exporter === 'otlp_grpc' ? address : `http://${address}`,
      compression,
      tls: { insecure: true },
      sending_queue: { enabled: false },
    },
  });
  const service = (name: string) => {
    const pipeline = { receivers: ['otlp'], exporters: [name] };
    return {
      telemetry: { metrics: telemetryMetrics(undefined) },
      pipelines: { metrics: pipeline, logs: pipeline, traces: pipeline },
    };
  };
  const [first, second, third] = addresses as [string, string, string];
  await using last = await start(otelcol, {
    receivers: receivers(third),
    exporters: { file: { path } },
    service: service('file'),
  });
  await using middle = await start(bpflow, {
    receivers: receivers(second),
    exporters: to(third),
    service: service(exporter),
  });
  await using begin = await start(otelcol, {
    receivers: receivers(first, 'otlp_http'),
    exporters: to(second),
    service: service(exporter),
  });
  await sendEverything(first);
  await begin.stop();
  await middle.stop();
  await last.stop();
  return readFileSync(path, 'utf8').split('\n').filter(Boolean).toSorted();
}
