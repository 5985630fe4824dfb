import assert from 'node:assert/strict';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { BpfObject, RingBuffer } from '../sdk/bpf.ts';
import { getppid, getppidNumber, open, skip, until } from './test/programs.ts';

const EVENT_BYTES = 48;
/** As the kernel lengthens it, with the header of the drain. */
const RECORD_BYTES = 8 + EVENT_BYTES + 8;

interface Event {
  readonly length: number;
  readonly time: bigint;
}

/** The object with the array, loaded; its storm program counts the calls of this process. */
function openArray(): BpfObject {
  const object = open('perf');
  object.setGlobal('only_tgid', process.pid);
  object.setGlobal('only_nr', getppidNumber);
  object.load();
  return object;
}

function emit(object: BpfObject, count: number, bytes = EVENT_BYTES): void {
  for (let left = count; left > 0; left -= 100) {
    const context = BigUint64Array.of(BigInt(Math.min(left, 100)), BigInt(bytes));
    assert.equal(object.program('emit_some').testRun(new Uint8Array(context.buffer)), 0);
  }
}

function counter(object: BpfObject, name: string): number {
  return Number(new DataView(object.getGlobal(name).buffer).getBigUint64(0, true));
}

function drained(ring: RingBuffer, buffer = new Uint8Array(1 << 20)): Event[] {
  const view = new DataView(buffer.buffer, buffer.byteOffset, ring.drain(buffer));
  const events: Event[] = [];
  for (let at = 0; at < view.byteLength; ) {
    const length = view.getUint32(at, true);
    assert.equal(view.getUint32(at + 4, true), 0);
    events.push({ length, time: view.getBigUint64(at + 8, true) });
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return events;
}

function isSorted(events: readonly Event[]): boolean {
  return events.every(({ time }, i) => i === 0 || events[i - 1]!.time <= time);
}

/** Two or more threads that make a call of the storm so many times each. */
async function callInWorkers(threads: number, calls: number): Promise<void> {
  const script = `for (let i = 0; i < ${calls}; i++) process.ppid`;
  const workers = Array.from({ length: threads }, () => new Worker(script, { eval: true }));
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
}

describe('draining a perf event array', { skip }, () => {
  it('copies all records in order, then nothing', () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 65_536 });
    assert.deepEqual(drained(ring), []);
    emit(object, 100);
    assert.ok(ring.pending > 100 * EVENT_BYTES);
    const events = drained(ring);
    assert.equal(events.length, 100);
    assert.ok(isSorted(events));
    assert.equal(ring.pending, 0);
    assert.deepEqual(drained(ring), []);
  });

  it('lengthens records by up to 7 bytes, as the kernel does', () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 8192 });
    for (const bytes of [24, 27, 28, 29, 44, 48]) emit(object, 1, bytes);
    assert.deepEqual(
      drained(ring).map(({ length }) => length),
      [28, 28, 28, 36, 44, 52],
    );
  });

  it('stops before the record that does not fit, and goes on there', () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 8192 });
    emit(object, 10);
    const small = new Uint8Array(3 * RECORD_BYTES + 63);
    assert.equal(drained(ring, small).length, 3);
    assert.equal(drained(ring, small).length, 3);
    assert.throws(() => ring.drain(new Uint8Array(RECORD_BYTES - 1)), { code: 'too_small', subject: 'events' });
    assert.equal(drained(ring).length, 4);
  });

  it('has room again after each drain, round the end of the pages', () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 4096 });
    for (let round = 0; round < 500; round++) {
      emit(object, 17);
      assert.equal(drained(ring).length, 17, `round ${round}`);
    }
    assert.deepEqual([counter(object, 'full'), counter(object, 'unserved')], [0, 0]);
  });

  it('tells the program of each record that finds no room', () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 4096 });
    for (let round = 1; round <= 20; round++) {
      const before = counter(object, 'written');
      emit(object, 1000);
      assert.equal(drained(ring).length, counter(object, 'written') - before);
      assert.equal(counter(object, 'written') + counter(object, 'full'), round * 1000);
    }
    assert.ok(counter(object, 'full') > 0);
  });

  const needsTwo = availableParallelism() < 2 && 'needs two CPUs';
  it('puts what several CPUs wrote into the order of time', { skip: needsTwo }, async () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 1 << 20 });
    using _link = object.program('on_call').attach();
    const turn = new Int32Array(new SharedArrayBuffer(4));
    const takeTurns = `
      const { workerData: { turn, first } } = require('node:worker_threads');
      const [tid] = require('node:fs').readFileSync('/proc/thread-self/stat', 'utf8').split(' ');
      require('node:child_process').execFileSync('taskset', ['-cp', String(first), tid]);
      for (let i = first; i < 2000; i += 2) {
        for (let now = Atomics.load(turn, 0); now !== i; now = Atomics.load(turn, 0)) Atomics.wait(turn, 0, now);
        process.ppid;
        Atomics.store(turn, 0, i + 1);
        Atomics.notify(turn, 0);
      }`;
    const workers = [0, 1].map((first) => new Worker(takeTurns, { eval: true, workerData: { turn, first } }));
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
    const events = drained(ring);
    assert.ok(events.length >= 2000 && isSorted(events), `${events.length} events`);
  });
});

describe('waiting for a perf event array', { skip }, () => {
  it('hears of each lone event, and of what was written before it began to wait', async () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 8192 });
    emit(object, 3);
    let heard = 0;
    ring.onReadable(() => {
      heard += drained(ring).length;
    });
    await until(() => heard === 3, 'what was there');
    for (let i = 1; i <= 30; i++) {
      emit(object, 1);
      await until(() => heard === 3 + i, 'the lone event');
    }
  });

  it('is called again while records are left, and when the callback did not drain', async () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 8192 });
    emit(object, 50);
    const buffer = new Uint8Array(7 * RECORD_BYTES);
    let calls = 0;
    let heard = 0;
    ring.onReadable(() => {
      if (++calls > 5) heard += drained(ring, buffer).length;
    });
    await until(() => heard === 50, 'all of them');
    assert.equal(calls, 5 + 8);
  });

  it('loses nothing of a storm that was written', async () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 1 << 16 });
    using _link = object.program('on_call').attach();
    const buffer = new Uint8Array(1 << 20);
    let heard = 0;
    ring.onReadable(() => {
      heard += drained(ring, buffer).length;
    });
    await callInWorkers(2, 20_000);
    await until(() => ring.pending === 0, 'the buffers are drained');
    assert.equal(counter(object, 'written') + counter(object, 'full'), 40_000);
    assert.equal(heard, counter(object, 'written'));
  });

  it('goes on in new buffers after it has looked for CPUs again, with what is in the old ones', async () => {
    using object = openArray();
    using ring = object.map('events').ring({ bytesPerCpu: 8192 });
    emit(object, 5);
    ring.follow();
    emit(object, 5);
    ring.follow();
    assert.equal(drained(ring).length, 10);
    let heard = 0;
    ring.onReadable(() => {
      heard += drained(ring).length;
    });
    ring.follow();
    for (let i = 0; i < 10; i++) getppid();
    emit(object, 5);
    await until(() => heard === 5, 'events in the new buffers');
    assert.deepEqual([counter(object, 'full'), counter(object, 'unserved')], [0, 0]);
  });

  it('ends when it is closed, twice, or in its callback; programs are refused then', async () => {
    using object = openArray();
    const ring = object.map('events').ring({ bytesPerCpu: 8192 });
    emit(object, 1);
    await new Promise<void>((resolve) => {
      ring.onReadable(() => {
        ring.close();
        resolve();
      });
    });
    ring.close();
    for (const use of [() => ring.pending, () => ring.follow(), () => ring.drain(new Uint8Array(64))]) {
      assert.throws(use, { code: 'closed' });
    }
    const before = counter(object, 'written');
    emit(object, 10);
    assert.equal(counter(object, 'written'), before);
    assert.equal(counter(object, 'full') + counter(object, 'unserved'), 10);
    using again = object.map('events').ring({ bytesPerCpu: 8192 });
    emit(object, 2);
    assert.equal(drained(again).length, 2);
  });

  it('refuses sizes that the kernel would not take', () => {
    using object = openArray();
    const map = object.map('events');
    for (const bytesPerCpu of [undefined, 0, 1, 5000, 12_288, 2 ** 31, Number.NaN, '8192']) {
      assert.throws(() => map.ring({ bytesPerCpu } as never), { code: 'misuse', subject: 'events' }, `${bytesPerCpu}`);
    }
  });
});
