import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameText } from '../metrics/dns/names.ts';
import { readDnsMessage } from './dns-message.ts';

const HEADER = [0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0];
const EXAMPLE = [7, ...Buffer.from('example'), 3, ...Buffer.from('org'), 0];

function message(...bytes: readonly number[]): Uint8Array {
  return Uint8Array.from([...HEADER, ...bytes]);
}

function withAnswers(count: number, ...bytes: readonly number[]): Uint8Array {
  const all = message(...EXAMPLE, 0, 1, 0, 1, ...bytes);
  all[7] = count;
  return all;
}

test('a response says its question and the addresses of the answer, behind an alias, too', () => {
  const alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, 0x77, 0xc0, 20];
  const v4 = [0xc0, 41, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1];
  const v6 = [0xc0, 41, 0, 28, 0, 1, 0, 0, 0, 9, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  assert.deepEqual(readDnsMessage(withAnswers(3, ...alias, ...v4, ...v6)), {
    id: 0x1234,
    opcode: 0,
    isTruncated: false,
    question: { name: 'example.org', type: 1 },
    answerCount: 3,
    addresses: ['192.0.2.1', '2001:db8::1'],
  });
});

test('bytes that are no letters are written by their number, dots in labels with a backslash', () => {
  assert.equal(nameText(Uint8Array.of(3, 0x61, 0x2e, 0x0a, 1, 0x5c, 0)), 'a\\.\\010.\\\\');
  assert.equal(nameText(Uint8Array.of(2, 0xc3, 0xa4, 0)), '\\195\\164');
  assert.equal(nameText(Uint8Array.of(0)), '.');
});

test('hostile names end: loops, pointers ahead, labels that are too long or cut', () => {
  const names: readonly (readonly number[])[] = [
    [0xc0, 12],
    [0xc0, 14, 0xc0, 12],
    [1, 0x61, 0xc0, 12],
    [0xc0, 200],
    [0xff, 0xff],
    [64, ...new Array<number>(64).fill(0x61), 0],
    [63, 1, 2, 3],
    Array.from({ length: 5 }, () => [63, ...new Array<number>(63).fill(0x61)])
      .flat()
      .concat(0),
    [0xc0],
    [],
  ];
  for (const name of names) assert.equal(readDnsMessage(message(...name, 0, 1, 0, 1))?.question, undefined, `${name}`);
});

test('records that are announced and are not there, or claim more than there is, are left out', () => {
  const lying = withAnswers(255, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 1, 2, 3, 4);
  assert.deepEqual(readDnsMessage(lying)?.addresses, []);
  const many = message();
  new DataView(many.buffer).setUint16(4, 0xffff);
  assert.equal(readDnsMessage(many)?.question, undefined);
});

test('whatever the bytes are, reading ends and throws nothing', () => {
  let seed = 42;
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  };
  for (let round = 0; round < 20_000; round++) {
    const bytes = withAnswers(next() & 3, ...Array.from({ length: next() }, next));
    for (let flips = next() & 7; flips > 0; flips--) bytes[(next() * 256 + next()) % bytes.length] = next();
    const cut = bytes.subarray(0, next() < 16 ? next() % bytes.length : bytes.length);
    const read = readDnsMessage(cut);
    assert.equal(read === undefined, cut.length < 12);
    assert.ok((read?.addresses.length ?? 0) <= 64);
  }
});
