import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText } from './flows.ts';

/** The halves of an address as the kernel half keeps them. */
function halves(...bytes: readonly number[]): readonly [bigint, bigint] {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  return [view.getBigUint64(0, true), view.getBigUint64(8, true)];
}

test('addresses are written in their shortest form, those of IPv4 in dots also where they come in IPv6', () => {
  const zeros = (count: number) => new Array<number>(count).fill(0);
  assert.equal(addressText(...halves(...zeros(10), 255, 255, 10, 213, 7, 1)), '10.213.7.1');
  assert.equal(addressText(...halves(...zeros(15), 1)), '::1');
  assert.equal(addressText(...halves(...zeros(16))), '::');
  assert.equal(addressText(...halves(0x20, 1, 0xd, 0xb8, ...zeros(10), 0xab, 0xcd)), '2001:db8::abcd');
  assert.equal(
    addressText(...halves(0xfe, 0x80, ...zeros(6), 2, 0x42, 0xac, 0xff, 0xfe, 0x11, 0, 2)),
    'fe80::242:acff:fe11:2',
  );
});
