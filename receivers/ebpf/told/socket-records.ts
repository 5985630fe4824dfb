import type { SocketFacts } from 'bpflow/sdk';
import { SocketRecord } from '../../../bpf/net.gen.ts';
import { addressText, isMapped } from '../events/address.ts';

/** A socket, with what tells it apart from others of the same 5-tuple. */
export interface ToldSocket {
  readonly facts: SocketFacts;
  readonly tuple: string;
  /** When it was opened, ns of the monotonic clock: no two sockets of a tuple open at one time. */
  readonly openedAt: bigint;
}

/** One string for a 5-tuple of TCP. Addresses as {@link addressText} writes them. */
export function tupleOf(socket: Pick<SocketFacts, 'localAddress' | 'localPort' | 'peerAddress' | 'peerPort'>): string {
  return `${socket.localAddress} ${socket.localPort} ${socket.peerAddress} ${socket.peerPort}`;
}

/** An address as sockets have it here: IPv4 in IPv6 form as IPv4, IPv6 in its shortest form. */
export function plainAddress(text: string): string {
  if (!text.includes(':')) return text;
  try {
    const words = URL.parse(`http://[${text}]`)!.hostname.slice(1, -1);
    const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(words);
    if (mapped === null) return words;
    const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)];
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  } catch {
    return text;
  }
}

const record = new SocketRecord();

/** The `struct socket_record` at this word. `timeOf`: time since 1970 of one of the monotonic clock. */
export function readSocket(words: Uint32Array, at: number, timeOf: (monotonic: bigint) => bigint): ToldSocket {
  const told = record.move(words, at);
  const local = at + SocketRecord.WORD.localAddress;
  const peer = at + SocketRecord.WORD.peerAddress;
  const version = told.isIpv6 === 0 ? 4 : 6;
  const isIpv6 = version === 6 && !(isMapped(words, local) && isMapped(words, peer));
  const { opened, closed } = told;
  const facts: SocketFacts = {
    transport: 'tcp',
    family: isIpv6 ? 'ipv6' : 'ipv4',
    localAddress: addressText(words, local, version),
    localPort: told.localPort,
    peerAddress: addressText(words, peer, version),
    peerPort: told.peerPort,
    ownerPid: told.pid,
    ownerCgroupId: told.cgroup,
    sent: told.sent,
    received: told.received,
    opened: timeOf(opened),
    closed: closed === 0n ? undefined : timeOf(closed),
  };
  return { facts, tuple: tupleOf(facts), openedAt: opened };
}
