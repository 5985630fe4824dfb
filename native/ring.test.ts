import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { BpfObject } from '../sdk/bpf.ts';
import { getppid, getppidNumber, open, skip, until } from './test/programs.ts';

const eventBytes = 56;
const recordBytes = 8 + eventBytes;

/** The ring object, loaded; its storm program counts the calls of this process. */
function openRing(): BpfObject {
  const object = open('ring');
  object.setGlobal('only_tgid', process.pid);
  object.setGlobal('only_nr', getppidNumber);
  object.load();
  return object;
}

function emit(object: BpfObject, count: number): void {
  for (let left = count; left > 0; left -= 100) {
    object.program('emit_some').testRun(new Uint8Array(BigUint64Array.of(BigInt(Math.min(left, 100))).buffer));
  }
}

function counter(object: BpfObject, name: string): bigint {
  return new DataView(object.getGlobal(name).buffer).getBigUint64(0, true);
}

function sleeping(object: BpfObject): number {
  return new DataView(object.getGlobal('events_sleeping').buffer).getUint32(0, true);
}

/** Checks that the drained bytes are whole events, and returns their sequence numbers. */
function sequences(buffer: Uint8Array, bytes: number): number[] {
  assert.equal(bytes % recordBytes, 0);
  const view = new DataView(buffer.buffer, buffer.byteOffset, bytes);
  const found: number[] = [];
  for (let at = 0; at < bytes; at += recordBytes) {
    assert.equal(view.getUint32(at, true), eventBytes);
    assert.equal(view.getUint32(at + 4, true), 0);
    found.push(Number(view.getBigUint64(at + 8, true)));
  }
  return found;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('draining a ring', { skip }, () => {
  it('copies all records in order, then nothing', () => {
    using object = openRing();
    using ring = object.map('events').ring();
    const buffer = new Uint8Array(64 * 1024);
    assert.equal(ring.drain(buffer), 0);
    emit(object, 100);
    assert.equal(ring.pending, 100 * recordBytes);
    assert.deepEqual(sequences(buffer, ring.drain(buffer)), range(0, 100));
    assert.equal(ring.pending, 0);
    assert.equal(ring.drain(buffer), 0);
  });

  it('stops before the record that does not fit, and goes on there', () => {
    using object = openRing();
    using ring = object.map('events').ring();
    emit(object, 10);
    const buffer = new Uint8Array(3 * recordBytes + 63);
    assert.deepEqual(sequences(buffer, ring.drain(buffer)), [0, 1, 2]);
    assert.deepEqual(sequences(buffer, ring.drain(buffer)), [3, 4, 5]);
    assert.equal(ring.pending, 4 * recordBytes);
    assert.throws(() => ring.drain(new Uint8Array(recordBytes - 1)), { code: 'too_small', subject: 'events' });
    assert.equal(ring.pending, 4 * recordBytes);
    assert.deepEqual(sequences(buffer, ring.drain(new Uint8Array(buffer.buffer, 0, recordBytes))), [6]);
  });

  it('keeps the lengths of records, pads with zeros and leaves out what was discarded', () => {
    using object = openRing();
    using ring = object.map('plain').ring();
    for (let round = 0; round < 200; round++) {
      assert.equal(object.program('emit_mixed').testRun(), 0);
      const buffer = new Uint8Array(256).fill(0x55);
      assert.equal(ring.drain(buffer), 16 + 112);
      assert.deepEqual(buffer.subarray(0, 16), Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0xaa, 0xaa, 0xaa, 0, 0, 0, 0, 0));
      const second = Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0, ...new Array(100).fill(0xbb), 0, 0, 0, 0);
      assert.deepEqual(buffer.subarray(16, 128), second);
      assert.equal(buffer[128], 0x55);
    }
  });

  it('frees the space of what was read, round after round', () => {
    using object = openRing();
    using ring = object.map('events').ring();
    const buffer = new Uint8Array(64 * 1024);
    let next = 0;
    for (let round = 0; round < 50; round++) {
      emit(object, 900);
      assert.deepEqual(sequences(buffer, ring.drain(buffer)), range(next, next + 900));
      next += 900;
    }
    assert.equal(counter(object, 'refused'), 0n);
  });

  it('begins where the consumer before it ended', () => {
    using object = openRing();
    const map = object.map('events');
    const buffer = new Uint8Array(2 * recordBytes);
    const first = map.ring();
    assert.throws(() => map.ring(), { code: 'misuse', subject: 'events' });
    emit(object, 4);
    assert.deepEqual(sequences(buffer, first.drain(buffer)), [0, 1]);
    first.close();
    first.close();
    assert.throws(() => first.drain(buffer), { code: 'closed' });
    assert.throws(() => first.pending, { code: 'closed' });
    assert.throws(() => first.onReadable(() => {}), { code: 'closed' });
    using second = map.ring();
    assert.deepEqual(sequences(buffer, second.drain(buffer)), [2, 3]);
  });

  it('refuses what is no buffer or no function', () => {
    using object = openRing();
    using ring = object.map('events').ring();
    const untyped = ring as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const wrong of [undefined, 'x', new Uint16Array(8), new ArrayBuffer(8)]) {
      assert.throws(() => untyped['drain']?.(wrong), { code: 'misuse' });
    }
    for (const wrong of [null, 1, {}]) assert.throws(() => untyped['onReadable']?.(wrong), { code: 'misuse' });
    assert.equal(ring.drain(new Uint8Array(0)), 0);
  });
});

describe('waiting for a ring', { skip }, () => {
  it('hears of a lone event at once, because the producer sees it sleep', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    const buffer = new Uint8Array(64 * 1024);
    let wake: (sequence: number[]) => void = () => {};
    ring.onReadable(() => wake(sequences(buffer, ring.drain(buffer))));
    for (let i = 0; i < 30; i++) {
      await until(() => sleeping(object) === 1, 'the consumer sleeps');
      const heard = new Promise<number[]>((resolve) => {
        wake = resolve;
      });
      emit(object, 1);
      assert.deepEqual(await heard, [i]);
    }
    assert.equal(counter(object, 'wakeups'), 30n);
  });

  it('is woken once, however much comes before it can run', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    const buffer = new Uint8Array(64 * 1024);
    const heard: number[] = [];
    ring.onReadable(() => heard.push(...sequences(buffer, ring.drain(buffer))));
    for (let rounds = 1; rounds <= 30; rounds++) {
      await until(() => sleeping(object) === 1, 'the consumer sleeps');
      emit(object, 500);
      assert.equal(counter(object, 'wakeups'), BigInt(rounds));
      await until(() => heard.length === rounds * 500, 'the consumer has heard of all');
    }
    assert.deepEqual(heard, range(0, 30 * 500));
  });

  it('hears of what was written before it began to wait', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    emit(object, 3);
    assert.equal(counter(object, 'wakeups'), 0n);
    const buffer = new Uint8Array(64 * 1024);
    const heard = await new Promise<number[]>((resolve) => {
      ring.onReadable(() => resolve(sequences(buffer, ring.drain(buffer))));
    });
    assert.deepEqual(heard, [0, 1, 2]);
  });

  it('is called again while records are left, without any wake-up', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    emit(object, 100);
    const buffer = new Uint8Array(7 * recordBytes);
    const heard: number[] = [];
    let calls = 0;
    await new Promise<void>((resolve) => {
      ring.onReadable(() => {
        calls++;
        heard.push(...sequences(buffer, ring.drain(buffer)));
        if (heard.length === 100) resolve();
      });
    });
    assert.deepEqual(heard, range(0, 100));
    assert.equal(calls, 15);
    assert.equal(counter(object, 'wakeups'), 0n);
  });

  it('is called again when the callback did not drain', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    emit(object, 1);
    let calls = 0;
    await new Promise<void>((resolve) => {
      ring.onReadable(() => {
        if (++calls === 5) resolve();
      });
    });
    assert.equal(ring.pending, recordBytes);
  });

  it('needs no wake-ups in a storm and loses nothing that was reserved', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    using _link = object.program('on_call').attach();
    const calls = 300_000;
    const buffer = new Uint8Array(1024 * 1024);
    let next = 0;
    let ordered = true;
    ring.onReadable(() => {
      for (const sequence of sequences(buffer, ring.drain(buffer))) ordered &&= sequence === next++;
    });
    const worker = new Worker(`for (let i = 0; i < ${calls}; i++) process.ppid`, { eval: true });
    await once(worker, 'exit');
    await until(() => ring.pending === 0, 'the ring is drained');
    const reserved = counter(object, 'reserved');
    assert.equal(reserved + counter(object, 'refused'), BigInt(calls));
    assert.equal(BigInt(next), reserved);
    assert.equal(ordered, true);
    assert.ok(counter(object, 'wakeups') < reserved / 20n, `${counter(object, 'wakeups')} wake-ups`);
  });

  it('hears of each burst to its last event, with no later one to wake it', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    using _link = object.program('on_call').attach();
    const rounds = 2000;
    const heard = new Int32Array(new SharedArrayBuffer(4));
    const buffer = new Uint8Array(64 * 1024);
    ring.onReadable(() => {
      Atomics.add(heard, 0, ring.drain(buffer) / recordBytes);
      Atomics.notify(heard, 0);
    });
    const script = `
      const { parentPort, workerData: heard } = require('node:worker_threads');
      let made = 0;
      for (let round = 0; round < ${rounds}; round++) {
        const burst = 1 + (round * 7) % 13;
        for (let i = 0; i < burst; i++) process.ppid;
        made += burst;
        for (let seen = Atomics.load(heard, 0); seen < made; seen = Atomics.load(heard, 0)) {
          if (Atomics.wait(heard, 0, seen, 5000) === 'timed-out') throw new Error('round ' + round + ' was not heard');
        }
      }
      parentPort.postMessage(made);
    `;
    const worker = new Worker(script, { eval: true, workerData: heard });
    const [made] = await once(worker, 'message');
    assert.equal(heard[0], made);
  });

  it('replaces its callback, and stops when it is removed', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    const buffer = new Uint8Array(64 * 1024);
    const heard: string[] = [];
    ring.onReadable(() => heard.push(`first ${ring.drain(buffer)}`));
    ring.onReadable(() => heard.push(`second ${ring.drain(buffer)}`));
    emit(object, 1);
    await until(() => heard.length > 0, 'the callback is called');
    ring.onReadable(undefined);
    ring.onReadable(undefined);
    assert.equal(sleeping(object), 0);
    emit(object, 1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(heard, [`second ${recordBytes}`]);
    assert.equal(ring.drain(buffer), recordBytes);
  });

  it('may be closed within its callback', async () => {
    using object = openRing();
    const ring = object.map('events').ring();
    emit(object, 1);
    await new Promise<void>((resolve) => {
      ring.onReadable(() => {
        object.close();
        resolve();
      });
    });
    assert.throws(() => ring.pending, { code: 'closed' });
  });

  it('reports an exception of the callback as uncaught, and goes on', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    const buffer = new Uint8Array(64 * 1024);
    const heard: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => heard.push(error.message));
    try {
      ring.onReadable(() => {
        ring.drain(buffer);
        throw new Error('from the callback');
      });
      emit(object, 1);
      await until(() => heard.length === 1, 'the first exception');
      emit(object, 1);
      await until(() => heard.length === 2, 'the second exception');
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    assert.deepEqual(heard, ['from the callback', 'from the callback']);
  });

  it('keeps the process alive only with a callback', async () => {
    const script = (callback: string) => `
      import { open } from '${new URL('./test/programs.ts', import.meta.url)}';
      const object = open('ring');
      object.load();
      const ring = object.map('events').ring();
      ring.onReadable(() => {});
      ring.onReadable(${callback});
      process.on('beforeExit', () => console.log('ended'));
    `;
    const run = (callback: string) =>
      spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script(callback)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    const without = run('undefined');
    const [text] = await once(without.stdout, 'data');
    assert.equal(String(text), 'ended\n');
    assert.deepEqual(await once(without, 'exit'), [0, null]);
    const waiting = run('() => process.exit(3)');
    let ended = false;
    waiting.stdout.on('data', () => {
      ended = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(waiting.exitCode, null);
    assert.equal(ended, false);
    waiting.kill();
    await once(waiting, 'exit');
  });

  it('sees the calls of its own thread too', async () => {
    using object = openRing();
    using ring = object.map('events').ring();
    using _link = object.program('on_call').attach();
    const buffer = new Uint8Array(64 * 1024);
    let heard = 0;
    ring.onReadable(() => {
      heard += ring.drain(buffer) / recordBytes;
    });
    for (let i = 0; i < 500; i++) getppid();
    await until(() => heard >= 500, 'all events');
    assert.equal(heard, 500);
  });
});
