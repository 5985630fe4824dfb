import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { bpf, skip } from './test/programs.ts';

const helpers = JSON.stringify(new URL('./test/programs.ts', import.meta.url).href);

/** Runs a script in a process of its own and returns what it told. Capabilities that are dropped never come back. */
function told(script: string): unknown {
  const prelude = `
    import { execFileSync } from 'node:child_process';
    import { readdirSync, readFileSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const { bpf, open, until } = await import(${helpers});
    const tell = (value) => console.log(JSON.stringify(value));
    /** The different values of a field of all threads' status. */
    const ofThreads = (field) => [...new Set(readdirSync('/proc/self/task').map((thread) =>
      new RegExp(field + ':\\\\s+(\\\\S+)').exec(readFileSync('/proc/self/task/' + thread + '/status', 'utf8'))[1]))];
  `;
  const result = spawnSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', prelude + script], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(result.stderr, '');
  assert.equal(result.status, 0);
  return JSON.parse(result.stdout);
}

const capBpf = 39n;
const capPerfmon = 38n;

function mask(...capabilities: readonly bigint[]): string {
  return capabilities
    .reduce((set, capability) => set | (1n << capability), 0n)
    .toString(16)
    .padStart(16, '0');
}

describe('capabilities', { skip }, () => {
  it('are told by name', () => {
    const names = bpf.capabilities();
    assert.ok(names.includes('cap_sys_admin'));
    for (const name of names) assert.match(name, /^cap_[a-z_0-9]+$/);
  });

  it('are dropped by every thread, for good, but for those that are kept', () => {
    const result = told(`
      const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
      await new Promise((resolve) => worker.once('online', resolve));
      const threads = readdirSync('/proc/self/task').length;
      bpf.dropCapabilities(['cap_bpf', 'cap_perfmon']);
      const child = execFileSync('/bin/cat', ['/proc/self/status'], { encoding: 'utf8' });
      tell({
        many: threads > 5,
        effective: ofThreads('CapEff'), permitted: ofThreads('CapPrm'), inheritable: ofThreads('CapInh'),
        bounding: ofThreads('CapBnd'), ambient: ofThreads('CapAmb'),
        names: bpf.capabilities(),
        child: /CapEff:\\s+(\\S+)/.exec(child)[1],
      });
      process.exit(0);
    `);
    const kept = mask(capBpf, capPerfmon);
    const none = mask();
    assert.deepEqual(result, {
      many: true,
      effective: [kept],
      permitted: [kept],
      inheritable: [none],
      bounding: [kept],
      ambient: [none],
      names: ['cap_perfmon', 'cap_bpf'],
      child: kept,
    });
  });

  it('can all be dropped, again and again', () => {
    const result = told(`
      bpf.dropCapabilities(['cap_bpf', 'cap_net_admin']);
      bpf.dropCapabilities(['cap_bpf']);
      bpf.dropCapabilities([]);
      bpf.dropCapabilities(['cap_sys_admin']);
      tell({ names: bpf.capabilities(), permitted: ofThreads('CapPrm') });
    `);
    assert.deepEqual(result, { names: [], permitted: [mask()] });
  });

  it('leave what is attached running', () => {
    const result = told(`
      const object = open('ring');
      object.setGlobal('only_tgid', process.pid);
      object.setGlobal('only_nr', process.arch === 'arm64' ? 173 : 110);
      object.load();
      object.program('on_call').attach();
      const ring = object.map('events').ring();
      let bytes = 0;
      ring.onReadable(() => { bytes += ring.drain(new Uint8Array(4096)); });
      bpf.dropCapabilities(['cap_bpf', 'cap_perfmon']);
      for (let i = 0; i < 3; i++) process.ppid;
      await until(() => bytes === 3 * 64, 'the events');
      ring.close();
      let code;
      try { bpf.enableStats(); } catch (error) { code = error.errno; }
      tell({ bytes, code });
      object.close();
    `);
    assert.deepEqual(result, { bytes: 192, code: 'EPERM' });
  });

  it('needed for loading are named when they are missing', () => {
    const result = told(`
      bpf.dropCapabilities([]);
      const object = open('counter');
      try { object.load(); } catch ({ code, errno, message }) { tell({ code, errno, message }); }
    `) as { readonly code: string; readonly errno: string; readonly message: string };
    assert.equal(result.errno, 'EPERM');
    assert.match(result.message, /BPF needs root or the capabilities CAP_BPF, CAP_PERFMON/);
  });

  it('leave signals and timers of the process as they were', () => {
    const result = told(`
      process.on('SIGUSR2', () => { tell({ received: true, caught: before === ofThreads('SigCgt').join() }); process.exit(0); });
      const before = ofThreads('SigCgt').join();
      bpf.dropCapabilities([]);
      process.kill(process.pid, 'SIGUSR2');
      setInterval(() => {}, 1000);
    `);
    assert.deepEqual(result, { received: true, caught: true });
  });

  it('that do not exist are refused, and nothing is dropped', () => {
    const before = bpf.capabilities();
    for (const wrong of [['cap_unknown'], ['CAP_BPF'], ['bpf'], [1], 'cap_bpf', undefined]) {
      assert.throws(() => bpf.dropCapabilities(wrong as never), { code: 'misuse' });
    }
    assert.throws(() => bpf.dropCapabilities(['cap_unknown']), {
      message: '"cap_unknown" is no capability; names are as in capabilities(7), in lower case: cap_bpf.',
    });
    assert.deepEqual(bpf.capabilities(), before);
  });
});
