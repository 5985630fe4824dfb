import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { chmodSync, mkdirSync, readdirSync, renameSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import {
  attributeSet,
  type Batch,
  encodeOtlp,
  encodeOtlpJson,
  LogBuilder,
  OtlpDecoder,
  otlpFromJson,
  SIGNALS,
} from 'bpflow/sdk';
import { metricsOf, sampleBatch } from 'bpflow/testing';
import { until, workbench } from './test/workbench.ts';

const { at, read, list, make, run } = workbench();
const lineOf = (batch: Batch): string => `${Buffer.from(encodeOtlpJson(batch)).toString()}\n`;
const metrics = sampleBatch('metrics', { temporality: 'cumulative' });
const logs = sampleBatch('logs');

describe('the file exporter', () => {
  test('writes a line for each batch of every signal, in order', async () => {
    const { exporter, give } = await run({ path: at('lines.json') });
    const batches = SIGNALS.map((signal) => sampleBatch(signal));
    for (const batch of batches) await give(batch);
    await exporter.flush!();
    assert.equal(read('lines.json').toString(), batches.map(lineOf).join(''));
    assert.match(
      read('lines.json').toString(),
      /^\{"resourceMetrics":\[.*\n\{"resourceLogs":\[.*\n\{"resourceSpans":\[.*\n\{"resourceProfiles":\[.*\n$/,
    );
  });

  test('puts each protobuf message behind its length, 4 bytes, big-endian', async () => {
    const { exporter, give } = await run({ path: at('messages.pb'), format: 'proto' });
    const received = new OtlpDecoder().decode('logs', encodeOtlp(logs));
    await give(metrics);
    await give(received);
    await exporter.flush!();
    const [first, second, ...rest] = messagesIn(read('messages.pb'));
    assert.deepEqual(first, Buffer.from(encodeOtlp(metrics)));
    assert.deepEqual(second, Buffer.from(encodeOtlp(logs)));
    assert.deepEqual(rest, []);
  });

  for (const format of ['json', 'proto'] as const) {
    test(`compresses each ${format} message as a zstd frame, also when appending`, async () => {
      const path = at(`zstd.${format}`);
      for (const append of [false, true]) {
        const { exporter, give } = await run({ path, format, compression: 'zstd', append });
        await give(metrics);
        await give(logs);
        await exporter.stop!();
      }
      const frames = messagesIn(read(`zstd.${format}`));
      assert.deepEqual(
        frames.map((frame) => frame.readUInt32BE()),
        [0x28b52ffd, 0x28b52ffd, 0x28b52ffd, 0x28b52ffd],
      );
      const encode = format === 'json' ? encodeOtlpJson : encodeOtlp;
      const expected = [metrics, logs, metrics, logs].map((batch) => Buffer.from(encode(batch)));
      assert.deepEqual(
        frames.map((frame) => zstdDecompressSync(frame)),
        expected,
      );
    });
  }

  for (const compression of ['none', 'zstd'] as const) {
    test(`keeps batches of all sizes apart, however writes and batches interleave (compression: ${compression})`, async () => {
      const path = at(`sizes-${compression}`);
      const { exporter, give } = await run({ path, compression });
      const batches = Array.from({ length: 40 }, (_, i) => logsOf(String(i), (i * 7919) % 50_000));
      for (const [i, batch] of batches.entries()) {
        await give(batch);
        if (i % 7 === 0) void exporter.flush!();
        if (i % 11 === 0) await exporter.flush!();
      }
      await exporter.stop!();
      const file = read(`sizes-${compression}`);
      const text =
        compression === 'none'
          ? file.toString()
          : messagesIn(file)
              .map((frame) => `${zstdDecompressSync(frame)}\n`)
              .join('');
      assert.equal(text, batches.map(lineOf).join(''));
    });
  }

  test('holds what is small until the flush interval has passed, and counts it as held', async () => {
    const { exporter, give, scope } = await run({ path: at('held.json'), flush_interval: '2s' });
    await give(logs);
    scope.clock.advance(1999);
    assert.equal(read('held.json').length, 0);
    assert.equal(exporter.held!(), logs.length);
    scope.clock.advance(1);
    await until('the flush', () => exporter.held!() === 0);
    assert.equal(read('held.json').toString(), lineOf(logs));
  });

  test('writes what waits when it stops', async () => {
    const { exporter, give } = await run({ path: at('stopped.json'), flush_interval: '1h' });
    await give(logs);
    await exporter.stop!();
    assert.equal(read('stopped.json').toString(), lineOf(logs));
    assert.equal(exporter.held!(), 0);
  });

  test('empties the file at start, or goes on behind what is there', async () => {
    writeFileSync(at('old.json'), 'old\n');
    const first = await run({ path: at('old.json'), append: true });
    await first.give(logs);
    await first.exporter.stop!();
    assert.equal(read('old.json').toString(), `old\n${lineOf(logs)}`);
    const second = await run({ path: at('old.json') });
    assert.equal(read('old.json').length, 0);
    await second.give(logs);
    await second.exporter.stop!();
    assert.equal(read('old.json').toString(), lineOf(logs));
  });

  test('closes a half line that an earlier run left before it goes on', async () => {
    writeFileSync(at('half.json'), '{"resourceLogs":[{"reso');
    const { exporter, give } = await run({ path: at('half.json'), append: true });
    await give(logs);
    await exporter.stop!();
    assert.equal(read('half.json').toString(), `{"resourceLogs":[{"reso\n${lineOf(logs)}`);
  });

  test('makes files for others to read', async () => {
    const before = process.umask(0o022);
    try {
      const { exporter } = await run({ path: at('mode.json') });
      await exporter.stop!();
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(at('mode.json')).mode & 0o777, 0o644);
  });

  test('writes own metrics under their OpenTelemetry names', () => {
    assert.equal(make({ path: 'x' }).exporter.wants, 'own_cumulative');
    assert.equal(make({ path: 'x', temporality: 'delta' }).exporter.wants, 'own_delta');
  });
});

describe('the directory', () => {
  test('must be there', async () => {
    const { exporter } = make({ path: at('no/such/dir/o.json') });
    await assert.rejects(async () => exporter.start!(), {
      name: 'StartError',
      message: `open ${at('no/such/dir/o.json')}: no such file or directory; make its directory, or set "create_directory: true"`,
    });
    const { exporter: other } = make({ path: at('.') });
    await assert.rejects(async () => other.start!(), {
      name: 'StartError',
      message: /illegal operation on a directory/,
    });
  });

  test('is made on request, with its permissions', async () => {
    const before = process.umask(0o022);
    try {
      await run({ path: at('made/deep/o.json'), create_directory: true });
      await run({ path: at('closed/o.json'), create_directory: true, directory_permissions: '0700' });
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(at('made')).mode & 0o777, 0o755);
    assert.equal(statSync(at('made/deep')).mode & 0o777, 0o755);
    assert.equal(statSync(at('closed')).mode & 0o777, 0o700);
  });
});

describe('a file that is moved away or deleted', () => {
  test('is made anew, and nothing is lost', async () => {
    const { exporter, give, scope } = await run({ path: at('moved.json') });
    const batches = [0, 1, 2].map((interval) => sampleBatch('logs', { interval }));
    await give(batches[0]!);
    await exporter.flush!();
    renameSync(at('moved.json'), at('moved.json.1'));
    scope.clock.advance(1000);
    await give(batches[1]!);
    await exporter.flush!();
    assert.equal(read('moved.json.1').toString(), lineOf(batches[0]!));
    assert.equal(read('moved.json').toString(), lineOf(batches[1]!));
    unlinkSync(at('moved.json'));
    scope.clock.advance(1000);
    await give(batches[2]!);
    await exporter.flush!();
    assert.equal(read('moved.json').toString(), lineOf(batches[2]!));
    assert.equal(scope.logs.filter(({ level }) => level === 'info').length, 2);
    assert.equal(scope.lastHealth?.state, 'ok');
  });

  test('whose directory is gone as well is waited for', async () => {
    mkdirSync(at('gone'));
    const { exporter, give, scope } = await run({ path: at('gone/o.json') });
    renameSync(at('gone'), at('elsewhere'));
    scope.clock.advance(1000);
    await give(logs);
    await exporter.flush!();
    assert.deepEqual(scope.lastHealth?.state, 'degraded');
    assert.match(scope.lastHealth!.summary, /o\.json: no such file or directory/);
    assert.equal(exporter.held!(), logs.length);
    for (let minute = 0; minute < 5; minute++) {
      scope.clock.advance(1000);
      await exporter.flush!();
    }
    assert.equal(scope.logs.filter(({ level }) => level === 'warn').length, 1, 'told once');
    mkdirSync(at('gone'));
    scope.clock.advance(1000);
    await exporter.flush!();
    assert.equal(read('gone/o.json').toString(), lineOf(logs));
    assert.equal(scope.lastHealth?.state, 'ok');
    assert.equal(exporter.held!(), 0);
    assert.equal(scope.items.totals.dropped, 0);
  });

  test('is refused when the buffer is full, and counted when it never comes back', async () => {
    mkdirSync(at('lost'));
    const { exporter, give, scope } = await run({ path: at('lost/o.json'), max_buffer_size: '64KiB' });
    renameSync(at('lost'), at('lost-elsewhere'));
    scope.clock.advance(1000);
    let taken = 0;
    await assert.rejects(
      async () => {
        for (let i = 0; i < 1000; i++) {
          await give(logs);
          await exporter.flush!();
          taken += logs.length;
        }
      },
      { name: 'RetryableError', message: 'The buffer of file is full: what it writes to cannot be written.' },
    );
    assert.ok(taken > 0);
    assert.equal(exporter.held!(), taken);
    await exporter.stop!();
    assert.deepEqual(scope.items.drops, [{ count: taken, reason: 'write_failed' }]);
    assert.equal(exporter.held!(), 0);
  });
});

describe('permissions', () => {
  const asRoot = process.getuid?.() === 0;
  test('that are missing stop the start', { skip: asRoot && 'root may write everywhere' }, async () => {
    mkdirSync(at('locked'));
    chmodSync(at('locked'), 0o500);
    const { exporter } = make({ path: at('locked/o.json') });
    await assert.rejects(async () => exporter.start!(), {
      name: 'StartError',
      message: /permission denied; let the user/,
    });
  });
});

describe('group_by', () => {
  const batchOf = (...names: readonly (string | number | undefined)[]): Batch => {
    const decoder = new OtlpDecoder();
    const bodies = names.map((name) => {
      const attributes = name === undefined ? Buffer.alloc(0) : Buffer.from(attributeSet({ tenant: name }).bytes);
      return field(
        1,
        Buffer.concat([field(1, attributes), field(2, field(2, field(5, field(1, Buffer.from(`of ${name}`)))))]),
      );
    });
    return decoder.decode('logs', Buffer.concat(bodies));
  };
  const config = { path: at('by-*/o.json'), group_by: { enabled: true, resource_attribute: 'tenant' } };

  test('writes a file for each value, and counts what has none', async () => {
    const { exporter, give, scope } = await run(config);
    await give(batchOf('a', 'b', 'a', undefined, 7));
    await give(batchOf('b'));
    await exporter.flush!();
    assert.equal(read('by-a/o.json').toString(), lineOf(batchOf('a', 'a')));
    assert.equal(read('by-b/o.json').toString(), lineOf(batchOf('b')) + lineOf(batchOf('b')));
    assert.deepEqual(scope.items.drops, [{ count: 2, reason: 'no_path_segment' }]);
    assert.equal(exporter.held!(), 0);
  });

  test('passes protobuf on by its bytes', async () => {
    const { exporter, give } = await run({ ...config, path: at('proto-*.pb'), format: 'proto' });
    await give(batchOf('a', 'b', 'a'));
    await exporter.flush!();
    assert.deepEqual(messagesIn(read('proto-a.pb')), [Buffer.from(encodeOtlp(batchOf('a', 'a')))]);
  });

  test('splits metrics and traces of our own making too', async () => {
    const { exporter, give } = await run({
      ...config,
      path: at('host-*.json'),
      group_by: { enabled: true, resource_attribute: 'host.name' },
    });
    for (const signal of SIGNALS) await give(sampleBatch(signal));
    await exporter.flush!();
    assert.equal(read('host-node-1.json').toString(), SIGNALS.map((signal) => lineOf(sampleBatch(signal))).join(''));
  });

  test('gives each file of profiles the dictionary that they all share', async () => {
    const { exporter, give } = await run(config);
    const dictionary = { stringTable: ['', 'main'] };
    const of = (tenant: string) => ({
      resource: { attributes: [{ key: 'tenant', value: { stringValue: tenant } }] },
      scopeProfiles: [
        { scope: {}, profiles: [{ sampleType: {}, samples: [{ values: ['1'] }], periodType: { typeStrindex: 1 } }] },
      ],
    });
    const request = { resourceProfiles: [of('p1'), of('p2'), of('p1')], dictionary };
    await give(new OtlpDecoder().decode('profiles', otlpFromJson('profiles', JSON.stringify(request))));
    await exporter.flush!();
    const lineWith = (...tenants: string[]) => `${JSON.stringify({ resourceProfiles: tenants.map(of), dictionary })}\n`;
    assert.equal(read('by-p1/o.json').toString(), lineWith('p1', 'p1'));
    assert.equal(read('by-p2/o.json').toString(), lineWith('p2'));
  });

  test('keeps to the files that may be open, and loses nothing of those that are closed', async () => {
    const { exporter, give } = await run({
      ...config,
      path: at('lru/*.json'),
      group_by: { ...config.group_by, max_open_files: 2 },
    });
    const order = ['a', 'b', 'c', 'a', 'd', 'a', 'b', 'c', 'd'];
    for (const name of order) await give(batchOf(name));
    await exporter.stop!();
    for (const name of 'abcd') {
      const lines = order.filter((each) => each === name).map(() => lineOf(batchOf(name)));
      assert.equal(read(`lru/${name}.json`).toString(), lines.join(''), name);
    }
  });

  test('never leaves the fixed part of the path', async () => {
    const { exporter, give, scope } = await run({ ...config, path: at('jail/x-*.json') });
    for (const name of ['../../out', '../out', './in', 'a/../../../../etc/p', '/abs', 'nul\0l'])
      await give(batchOf(name));
    await exporter.flush!();
    assert.deepEqual(
      list().filter((name) => name.startsWith('out')),
      [],
    );
    assert.deepEqual(filesBelow(at('jail')), [
      'x-/abs.json',
      'x-/etc/p.json',
      'x-/in.json',
      'x-/out.json',
      'x-nul_l.json',
    ]);
    assert.equal(scope.items.totals.dropped, 0);
  });

  test('drops what makes no path, and goes on with the rest', async () => {
    const { exporter, give, scope } = await run({ ...config, path: at('long/*.json') });
    await give(batchOf('x'.repeat(300), 'fine'));
    await exporter.flush!();
    assert.equal(read('long/fine.json').toString(), lineOf(batchOf('fine')));
    assert.deepEqual(scope.items.drops, [{ count: 1, reason: 'bad_path' }]);
  });
});

describe('format: prometheus', () => {
  test('writes the current values as a page, replaced at each flush', async () => {
    const { exporter, give } = await run({ path: at('page.prom'), format: 'prometheus' });
    assert.equal(exporter.wants, 'cumulative');
    await give(metrics);
    assert.equal(read('page.prom').length, 0);
    const { ino } = statSync(at('page.prom'));
    await exporter.flush!();
    const text = read('page.prom').toString();
    assert.match(text, /^# TYPE http_requests_total counter$/m);
    assert.match(text, /^http_requests_total\{.*http_request_method="GET".*\} 1$/m);
    assert.notEqual(statSync(at('page.prom')).ino, ino, 'a new file took its place');
    await give(sampleBatch('metrics', { interval: 1, temporality: 'cumulative' }));
    await exporter.stop!();
    assert.equal(read('page.prom').toString().split('\n').length, text.split('\n').length);
    assert.deepEqual(
      list().filter((name) => name.startsWith('page.prom')),
      ['page.prom'],
    );
    assert.ok(metricsOf(metrics).length > 0);
  });

  test('says when it cannot, and goes on when it can', async () => {
    mkdirSync(at('pages'));
    const { exporter, give, scope } = await run({ path: at('pages/o.prom'), format: 'prometheus' });
    renameSync(at('pages'), at('pages-elsewhere'));
    await give(metrics);
    await exporter.flush!();
    assert.equal(scope.lastHealth?.state, 'degraded');
    mkdirSync(at('pages'));
    await exporter.flush!();
    assert.equal(scope.lastHealth?.state, 'ok');
    assert.match(read('pages/o.prom').toString(), /http_requests_total/);
  });

  test('never replaces what is no file', async () => {
    const { exporter } = make({ path: '/dev/null', format: 'prometheus' });
    await assert.rejects(async () => exporter.start!(), { name: 'StartError', message: /not a regular file/ });
  });
});

/** One record with a body of so many bytes. */
function logsOf(name: string, bytes: number): Batch {
  const builder = new LogBuilder();
  builder.add({ time: 1n, body: name.padEnd(bytes, name) });
  return builder.take()!;
}

/** The messages behind their lengths. */
function messagesIn(file: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let position = 0; position < file.length; ) {
    const length = file.readUInt32BE(position);
    messages.push(file.subarray(position + 4, position + 4 + length));
    position += 4 + length;
  }
  return messages;
}

function field(number: number, body: Uint8Array): Buffer {
  assert.ok(body.length < 1 << 14);
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), body]);
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
}
