import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BpfError, type BpfMap, type RingBuffer } from 'bpflow/sdk';
import { manualClock } from 'bpflow/testing';
import { SocketRecord } from '../../../bpf/net.gen.ts';
import { plainAddress } from './socket-records.ts';
import { SocketTable } from './socket-table.ts';

const S = 1_000_000_000n;
const TUPLE = {
  transport: 'tcp',
  localAddress: '10.0.0.1',
  localPort: 1000,
  peerAddress: '10.0.0.2',
  peerPort: 80,
} as const;

/** Words of a `struct socket_record` of {@link TUPLE}. */
function record(opened: bigint, closed: bigint, sent: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(SocketRecord.WORDS);
  const { WORD } = SocketRecord;
  const set = (at: number, value: bigint): void => {
    words[at] = Number(value & 0xffff_ffffn);
    words[at + 1] = Number(value >> 32n);
  };
  set(WORD.opened, opened);
  set(WORD.closed, closed);
  words[WORD.sent] = sent;
  words[WORD.localPort] = 1000;
  words[WORD.peerPort] = 80;
  words[WORD.localAddress] = 0x0100_000a;
  words[WORD.peerAddress] = 0x0200_000a;
  return words;
}

/** A kernel half whose sockets a test says. Times in ns of its monotonic clock. */
class World {
  readonly clock = manualClock();
  now = 1000n * S;
  listed: Uint32Array<ArrayBuffer>[] = [];
  lists = 0;
  isWanted = false;
  isListening = false;
  isTooMany = false;
  readonly #ended: Uint32Array<ArrayBuffer>[] = [];
  readonly table: SocketTable;

  constructor(history = 10) {
    const ring: RingBuffer = {
      pending: 0,
      drain: (buffer) => this.#drain(buffer),
      onReadable: (callback) => {
        this.isListening = callback !== undefined;
      },
      follow() {},
      close() {},
      [Symbol.dispose]() {},
    };
    this.table = new SocketTable({
      told: {
        list: (into) => this.#list(into),
        ended: { ring: () => ring } as unknown as BpfMap,
        want: (isWanted) => {
          this.isWanted = isWanted;
        },
        lost: () => 3n,
      },
      clock: this.clock,
      monotonicNs: () => this.now,
      history,
    });
  }

  /** Time goes on for both clocks. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.now += S;
      this.clock.advance(1000);
    }
  }

  end(words: Uint32Array<ArrayBuffer>): void {
    this.#ended.push(words);
  }

  find() {
    return this.table.find(TUPLE, 0n, 1n << 62n);
  }

  #list(into: Uint8Array): number {
    this.lists++;
    const bytes = this.listed.length * SocketRecord.SIZE;
    if (this.isTooMany || bytes > into.length)
      throw new BpfError('too small', { code: 'too_small', operation: 'iterate' });
    for (const [i, words] of this.listed.entries()) into.set(new Uint8Array(words.buffer), i * SocketRecord.SIZE);
    return bytes;
  }

  #drain(buffer: Uint8Array): number {
    const words = this.#ended.shift();
    if (words === undefined) return 0;
    new DataView(buffer.buffer).setUint32(0, SocketRecord.SIZE, true);
    buffer.set(new Uint8Array(words.buffer), 8);
    return 8 + SocketRecord.SIZE;
  }
}

describe('the table of sockets', () => {
  test('does nothing until it is asked, and from when nobody has asked for ten minutes', () => {
    const world = new World();
    world.pass(5);
    assert.deepEqual([world.isWanted, world.isListening, world.lists], [false, false, 0]);
    world.end(record(900n * S, 901n * S, 1));
    assert.equal(world.find().length, 1);
    assert.deepEqual([world.isWanted, world.isListening], [true, true]);
    world.pass(599);
    assert.ok(world.isWanted);
    world.pass(3);
    assert.deepEqual([world.isWanted, world.isListening, world.table.view.ended], [false, false, 0]);
    world.find();
    assert.ok(world.isWanted);
    world.table.close();
    assert.deepEqual([world.isWanted, world.isListening, world.find()], [false, false, []]);
  });

  test('one look serves many questions, and a socket that ends is found once', () => {
    const world = new World();
    world.listed = [record(900n * S, 0n, 1)];
    for (let i = 0; i < 100; i++) assert.equal(world.find().length, 1);
    assert.equal(world.lists, 1);
    // It ends between the look at the living and the reading of the ring.
    world.now += S;
    world.end(record(900n * S, 1001n * S, 5));
    const [found, ...more] = world.find();
    assert.deepEqual([found!.sent, found!.closed !== undefined, more], [5n, true, []]);
  });

  test('a socket opened at the same time at every look, whatever becomes of the wall clock', () => {
    const world = new World();
    world.listed = [record(900n * S, 0n, 1)];
    const [first] = world.find();
    world.now += S;
    world.clock.advance(3_600_000);
    const [second] = world.find();
    assert.equal(second!.opened, first!.opened);
    world.listed = [];
    world.end(record(900n * S, 1001n * S, 5));
    world.now += S;
    assert.equal(world.find()[0]!.opened, first!.opened);
  });

  test('sockets of one tuple are told apart, the newest first; the oldest make room', () => {
    const world = new World(3);
    world.find();
    for (let i = 1n; i <= 5n; i++) world.end(record((900n + i) * S, (900n + i) * S + 1n, Number(i)));
    world.now += S;
    assert.deepEqual(
      world.find().map(({ sent }) => sent),
      [5n, 4n, 3n],
    );
    assert.equal(world.table.view.evicted, 2);
  });

  test('more sockets than the buffer has room for make it grow; too many are counted, and those of the last look stay', () => {
    const world = new World();
    world.listed = Array.from({ length: 5000 }, (_, i) => record(BigInt(i + 1), 0n, 1));
    assert.equal(world.find().length, 5000);
    world.isTooMany = true;
    world.now += 100n * S;
    assert.equal(world.find().length, 5000);
    assert.equal(world.table.view.unlisted, 1);
  });
});

test('addresses are asked for in any form', () => {
  for (const [asked, plain] of [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:0A00:0001', '10.0.0.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::1', '::1'],
    ['no:address', 'no:address'],
  ] as const) {
    assert.equal(plainAddress(asked), plain);
  }
});
