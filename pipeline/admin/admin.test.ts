import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openAdminSocket } from './socket.ts';
import { Views } from './views.ts';

const temp = mkdtempSync(join(tmpdir(), 'bpflow-admin-'));
after(() => rmSync(temp, { recursive: true }));

describe('the admin socket', () => {
  it('serves the health document and the views', async () => {
    const views = new Views();
    views.add({ kind: 'receiver', id: 'ebpf/2', name: 'groups' }, () => ({
      bytes: 2n ** 60n,
      map: new Map([['a', 1]]),
    }));
    views.add({ kind: 'processor', id: 'batch', pipeline: 'metrics', name: 'queue' }, () => 1);
    views.add({ kind: 'processor', id: 'batch', pipeline: 'logs', name: 'queue' }, () => 2);
    views.add({ kind: 'receiver', id: 'ebpf/2', name: 'asked' }, (query) => query);
    views.add({ kind: 'exporter', id: 'bad', name: 'x' }, () => {
      throw new Error('not now');
    });
    const path = join(temp, 'folder', 'views.sock');
    const socket = await openAdminSocket(path, { views, health: () => ({ ready: true }) });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const answers = {
      '/v1/health': [200, { ready: true }],
      '/v1/views': [200, { views: views.list() }],
      '/v1/views/receiver/ebpf/2/groups': [200, { bytes: '1152921504606846976', map: { a: 1 } }],
      '/v1/views/receiver/ebpf%2F2/groups': [200, { bytes: '1152921504606846976', map: { a: 1 } }],
      '/v1/views/receiver/ebpf/2/asked?metric=a%20b': [200, { metric: 'a b' }],
      '/v1/views/receiver/ebpf/2/asked': [200, {}],
      '/v1/views/processor/batch/queue?pipeline=logs': [200, 2],
      '/v1/views/processor/batch/queue': [
        409,
        { error: 'It runs in several pipelines: add ?pipeline= with one of metrics, logs.' },
      ],
      '/v1/views/processor/batch/none': [404, { error: 'There is no such view. GET /v1/views lists them.' }],
      '/v2': [404, { error: 'Unknown path. Try /v1/views or /v1/health.' }],
      '/v1/views/exporter/bad/x': [500, { error: 'The view failed: not now' }],
      '/%E0%A4%A': [500, { error: 'The view failed: URI malformed' }],
    } as const;
    for (const [url, [status, body]] of Object.entries(answers)) {
      assert.deepEqual(await get(path, url), { status, body }, url);
    }
    assert.equal((await get(path, '/v1/health', 'POST')).status, 405);
    await socket.close();
    assert.equal(existsSync(path), false);
  });

  it('replaces a socket that a dead process left behind', async () => {
    const path = join(temp, 'stale.sock');
    const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', leave]);
    assert.ok(existsSync(path));
    const socket = await openAdminSocket(path, sources());
    assert.equal((await get(path, '/v1/health')).status, 200);
    await socket.close();
  });

  it('leaves a socket alone at which somebody answers, and a file that is no socket', async () => {
    const path = join(temp, 'taken.sock');
    const first = await openAdminSocket(path, sources());
    await assert.rejects(openAdminSocket(path, sources()), { message: `another process answers at ${path}` });
    assert.equal((await get(path, '/v1/health')).status, 200);
    await first.close();
    const file = join(temp, 'file.sock');
    writeFileSync(file, 'precious');
    await assert.rejects(openAdminSocket(file, sources()), { message: `${file} exists and is no socket` });
    assert.ok(existsSync(file));
  });
});

function sources() {
  return { views: new Views(), health: () => ({}) };
}

function get(socketPath: string, path: string, method = 'GET'): Promise<{ status: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode, body: JSON.parse(text) });
    })
      .once('error', reject)
      .end();
  });
}
