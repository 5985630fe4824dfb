import { equal } from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { addressText, isMapped } from './address.ts';

function words(...groups: readonly number[]): Uint32Array {
  return new Uint32Array(Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])).buffer);
}

test('addresses are written as RFC 5952 says', () => {
  equal(addressText(words(0x7f00, 1, 0, 0, 0, 0, 0, 0), 0, 4), '127.0.0.1');
  equal(addressText(words(0, 0, 0, 0, 0, 0, 0, 1), 0, 6), '::1');
  equal(addressText(words(0, 0, 0, 0, 0, 0, 0, 0), 0, 6), '::');
  equal(addressText(words(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), 0, 6), '2001:db8::1:0:0:1');
  equal(addressText(words(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), 0, 6), '2001:db8:0:1:1:1:1:1');
  equal(addressText(words(0xfe80, 0, 0, 0, 0, 0, 0, 0), 0, 6), 'fe80::');
  equal(addressText(words(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201), 0, 6), '192.0.2.1');
});

test('an IPv4 address in IPv6 form is told from others', () => {
  equal(isMapped(words(0, 0, 0, 0, 0, 0xffff, 1, 1), 0), true);
  equal(isMapped(words(0, 0, 0, 0, 0, 0, 1, 1), 0), false);
});

test('whatever the address, its text is read back as the same', () => {
  for (let i = 0; i < 1000; i++) {
    const groups = Array.from({ length: 8 }, (_, at) =>
      ((i * 2654435761) >>> at) % 3 === 0 ? 0 : (i * 40503 * at) & 0xffff,
    );
    const list = new BlockList();
    list.addAddress(groups.map((group) => group.toString(16)).join(':'), 'ipv6');
    equal(list.check(addressText(words(...groups), 0, 6), 'ipv6'), true, groups.join(' '));
  }
});
