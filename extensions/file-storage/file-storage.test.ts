import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { type Component, STORAGE, type StorageClient } from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import { clientFolderName } from './client-name.ts';
import { fileStorageConfig } from './config.ts';
import { createFileStorage } from './file-storage.ts';
import { temporaryFolder } from './test/open-store.ts';

interface Running {
  readonly scope: FakeScope;
  readonly extension: Component;
  open(purpose?: string): Promise<StorageClient>;
}

const running: Component[] = [];
afterEach(async () => {
  for (const extension of running.splice(0)) await extension.stop?.();
});

/** A storage that was started. */
async function start(directory: string, config: Record<string, unknown> = {}): Promise<Running> {
  const scope = fakeScope('extension', 'file_storage');
  const parsed = fileStorageConfig.parse({ directory, timeout: '0s', ...config });
  const extension = createFileStorage(parsed, scope);
  running.push(extension);
  await extension.start?.();
  return {
    scope,
    extension,
    open: (purpose = 'metrics') => scope.get(STORAGE).open('exporter_otlp_grpc_', purpose),
  };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('the storage of a directory', () => {
  test('gives each client a folder of its own, named as in the Collector', async () => {
    const directory = temporaryFolder();
    const { open, scope } = await start(directory);
    const [metrics, logs] = [await open('metrics'), await open('logs')];
    await metrics.set('a', bytes('1'));
    await logs.set('a', bytes('2'));
    assert.equal(String(await metrics.get('a')), '1');
    assert.deepEqual(
      readdirSync(directory)
        .filter((name) => !name.startsWith('.'))
        .sort(),
      ['exporter_otlp_grpc__logs.bpflow', 'exporter_otlp_grpc__metrics.bpflow'],
    );
    const views = scope.view('clients') as readonly { client: string; liveBytes: number }[];
    assert.deepEqual(
      views.map(({ client, liveBytes }) => ({ client, liveBytes })),
      [
        { client: 'exporter_otlp_grpc__metrics', liveBytes: 1 },
        { client: 'exporter_otlp_grpc__logs', liveBytes: 1 },
      ],
    );
  });

  test('opens a client once at a time', async () => {
    const { open } = await start(temporaryFolder());
    const client = await open();
    await client.set('a', bytes('1'));
    await assert.rejects(open(), { name: 'StartError', message: /already used as exporter_otlp_grpc__metrics/ });
    await client.close();
    assert.equal(String(await (await open()).get('a')), '1');
  });

  test('has everything again after a stop', async () => {
    const directory = temporaryFolder();
    const first = await start(directory);
    await (await first.open()).set('a', bytes('1'));
    await first.extension.stop?.();
    assert.equal(String(await (await (await start(directory)).open()).get('a')), '1');
  });

  test('is not to be had before its start', async () => {
    const scope = fakeScope('extension', 'file_storage');
    createFileStorage(fileStorageConfig.parse({ create_directory: true }), scope);
    await assert.rejects(scope.get(STORAGE).open('a', 'b'), {
      name: 'StartError',
      message: 'the storage file_storage is not running; list it in service.extensions',
    });
  });

  test('leaves the data of a Collector alone, and says so', async () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'exporter_otlp_grpc__metrics'), 'bbolt');
    const { open, scope } = await start(directory);
    await (await open()).set('a', bytes('1'));
    assert.deepEqual(
      scope.logs.map(({ level, message }) => `${level}: ${message}`),
      ['warn: Data that an OpenTelemetry Collector stored is not read.'],
    );
  });

  test('must exist, unless it may be made', async () => {
    const directory = join(temporaryFolder(), 'deep', 'down');
    assert.deepEqual(problems({ directory }), [
      `directory must exist: stat ${directory}: no such file or directory. You can enable the create_directory option to automatically create it`,
    ]);
    await start(directory, { create_directory: true, directory_permissions: '0700' });
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    const file = join(directory, 'file');
    writeFileSync(file, '');
    assert.deepEqual(problems({ directory: file }), [`${file} is not a directory`]);
    assert.match(problems({ directory: join(file, 'below') })[0]!, /^problem accessing configured directory: /);
  });

  test('that goes away between the check and the start stops the start', async () => {
    const directory = join(temporaryFolder(), 'short-lived');
    mkdirSync(directory);
    const config = fileStorageConfig.parse({ directory });
    rmdirSync(directory);
    const extension = createFileStorage(config, fakeScope('extension', 'file_storage'));
    await assert.rejects(async () => extension.start?.(), {
      name: 'StartError',
      message: /^directory must exist: stat /,
    });
  });

  test("takes the Collector's keys, and refuses what it refuses", () => {
    const directory = temporaryFolder();
    assert.deepEqual(problems({ directory, compaction: null, recreate: true, fsync: false, timeout: 0 }), []);
    assert.deepEqual(problems({ directory, compaction: { on_start: true, directory } }), []);
    assert.deepEqual(problems({ directory, directory_permissions: 'x' }), [], 'unused without create_directory');
    const missing = join(directory, 'missing');
    assert.match(
      problems({ directory, compaction: { on_start: true, directory: missing } })[0]!,
      /^directory must exist/,
    );
    assert.deepEqual(
      problems({
        directory,
        create_directory: true,
        directory_permissions: '0788',
        compaction: { on_rebound: true, directory, check_interval: 0, max_transaction_size: -1 },
      }),
      [
        'directory_permissions value must be a valid octal representation',
        'max transaction size for compaction cannot be less than 0',
        'compaction check interval must be positive when rebound compaction is set',
      ],
    );
    const bits = { directory, create_directory: true, directory_permissions: '7777' };
    assert.deepEqual(problems(bits), ['directory_permissions contain invalid bits for file access']);
  });
});

/** What is wrong with a configuration. */
function problems(config: Record<string, unknown>): readonly string[] {
  return fileStorageConfig.safeParse(config).error?.issues.map(({ message }) => message) ?? [];
}

describe('names of clients', () => {
  test('are made safe as in the Collector', () => {
    assert.equal(clientFolderName('exporter_otlp_grpc_', 'metrics'), 'exporter_otlp_grpc__metrics.bpflow');
    assert.equal(clientFolderName('receiver_a_b/c', '../x'), 'receiver_a_b~002Fc_..~002Fx.bpflow');
    assert.equal(clientFolderName('a~b é', ''), 'a~007Eb~0020~00E9.bpflow');
    assert.equal(clientFolderName('..', ''), '...bpflow');
    assert.throws(() => clientFolderName('x'.repeat(300), ''), /at most 240/);
  });
});

describe('the lock of a directory', () => {
  test('keeps a second storage out, and names who has it', async () => {
    const directory = temporaryFolder();
    const first = await start(directory);
    await assert.rejects(start(directory), {
      name: 'StartError',
      message: `${directory} is in use by another file_storage of this agent; stop it, or set another "directory"`,
    });
    await first.extension.stop?.();
    await start(directory);
    assert.deepEqual(readdirSync(directory), ['.bpflow-lock']);
  });

  test('keeps another process out until that is killed', async (t) => {
    const directory = temporaryFolder();
    const child = await holder(directory);
    t.after(() => child.kill('SIGKILL'));
    await assert.rejects(start(directory), {
      name: 'StartError',
      message: `${directory} is in use by process ${child.pid}; stop it, or set another "directory"`,
    });
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.equal(existsSync(join(directory, '.bpflow-lock')), true);
    await start(directory);
  });

  test('is waited for, as long as the timeout says', async (t) => {
    const directory = temporaryFolder();
    const child = await holder(directory);
    t.after(() => child.kill('SIGKILL'));
    const scope = fakeScope('extension', 'file_storage');
    const second = createFileStorage(fileStorageConfig.parse({ directory, timeout: '5s' }), scope);
    running.push(second);
    const started = Promise.resolve(second.start?.()).then(() => true);
    while (scope.clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    await once(child, 'close');
    scope.clock.advance(100);
    assert.equal(await started, true);
  });

  test('is not waited for within one agent: a reload stops the old one first', async () => {
    const directory = temporaryFolder();
    await start(directory);
    await assert.rejects(start(directory, { timeout: '1h' }), /another file_storage of this agent/);
  });

  test('works in a directory whose path is too long for a socket', async () => {
    const directory = join(temporaryFolder(), 'x'.repeat(100), 'y'.repeat(100));
    const first = await start(directory, { create_directory: true });
    await assert.rejects(start(directory), /another file_storage of this agent/);
    await first.extension.stop?.();
    assert.deepEqual(readdirSync(directory), []);
  });

  test('tells a user without the right to write what to do', { skip: asRoot(true) }, async () => {
    const directory = join(temporaryFolder(), 'closed');
    mkdirSync(directory);
    chmodSync(directory, 0o500);
    await assert.rejects(start(directory), { name: 'StartError', message: /problem accessing configured directory/ });
  });
});

/** Another process that has a directory. */
async function holder(directory: string): Promise<ChildProcess> {
  const writer = join(import.meta.dirname, 'test', 'writer-process.ts');
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const child = spawn(process.execPath, ['--conditions=source', writer, directory, '0'], { env });
  await once(child.stdout, 'data');
  child.stdout.resume();
  return child;
}

/** Reason to skip a test when the user is (or is not) root. */
function asRoot(isUnwanted: boolean): string | false {
  if ((process.getuid?.() === 0) !== isUnwanted) return false;
  return isUnwanted ? 'root may write everywhere' : 'only root can mount';
}
