import type { AttributeValue } from 'bpflow/sdk';
import { TcpBody, TcpDirection } from '../../../bpf/events.gen.ts';
import { addressText, isMapped } from './address.ts';
import type { EventRecord, Told } from './record.ts';

const body = new TcpBody();

export type TcpStep = 'connect' | 'accept' | 'close';

/** `errno`: the name of an error's number. */
export function tellTcp(record: EventRecord, step: TcpStep, errno: (error: number) => string): Told {
  const { words } = record;
  const tcp = body.move(words, record.body);
  const local = record.body + TcpBody.WORD.localAddress;
  const peer = record.body + TcpBody.WORD.peerAddress;
  const ipv6 = tcp.isIpv6 !== 0 && !(isMapped(words, local) && isMapped(words, peer));
  const version = tcp.isIpv6 === 0 ? 4 : 6;
  const peerAddress = addressText(words, peer, version);
  const where = `${ipv6 ? `[${peerAddress}]` : peerAddress}:${tcp.peerPort}`;
  const { error } = tcp;
  const attributes: Record<string, AttributeValue> = {
    'network.transport': 'tcp',
    'network.type': ipv6 ? 'ipv6' : 'ipv4',
    'network.local.address': addressText(words, local, version),
    'network.local.port': tcp.localPort,
    'network.peer.address': peerAddress,
    'network.peer.port': tcp.peerPort,
    ...(error !== 0 && { 'error.type': error < 0 ? '_OTHER' : errno(error) }),
    ...(tcp.direction === TcpDirection.TCP_OUTBOUND && { [DIRECTION]: 'outbound' }),
    ...(tcp.direction === TcpDirection.TCP_INBOUND && { [DIRECTION]: 'inbound' }),
    ...(tcp.duration > 0n && step !== 'accept' && { [DURATION[step]]: Number(tcp.duration) }),
    ...(tcp.rtt > 0n && { 'ebpf.tcp.rtt_ns': Number(tcp.rtt) }),
  };
  if (step === 'close') {
    attributes['ebpf.tcp.sent_bytes'] = Number(tcp.sent);
    attributes['ebpf.tcp.received_bytes'] = Number(tcp.received);
    attributes['ebpf.tcp.retransmits'] = tcp.retransmits;
  }
  return {
    name: `tcp.${step}`,
    severity: error !== 0 ? 'WARN' : 'DEBUG',
    importance: error === 0 ? 0.2 : step === 'connect' ? 0.6 : 0.5,
    what: whatOf(step, where, error === 0 ? undefined : String(attributes['error.type'])),
    attributes,
  };
}

/** How long a connect took, ns. */
export function connectTime(record: EventRecord): bigint {
  return body.move(record.words, record.body).duration;
}

const DIRECTION = 'ebpf.tcp.direction';
const DURATION = { connect: 'ebpf.tcp.connect_time_ns', close: 'ebpf.tcp.duration_ns' } as const;

function whatOf(step: TcpStep, where: string, error: string | undefined): string {
  switch (step) {
    case 'connect':
      return error === undefined ? `connected to ${where}` : `failed to connect to ${where}: ${error}`;
    case 'accept':
      return `has a connection from ${where}`;
    case 'close':
      return `closed the connection with ${where}${error === undefined ? '' : `: ${error}`}`;
    default:
      return step satisfies never;
  }
}
