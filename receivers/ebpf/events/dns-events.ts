import type { AttributeValue } from 'bpflow/sdk';
import { DnsBody, DnsTransport } from '../../../bpf/dns.gen.ts';
import { rcodeName, typeName } from '../metrics/dns/codes.ts';
import { addressText, isMapped } from './address.ts';
import { readDnsMessage } from './dns-message.ts';
import type { EventRecord, Severity, Told } from './record.ts';

const body = new DnsBody();

export type DnsStep = 'query' | 'response';

/** A query that a process sent, or the response that it got. */
export function tellDns(record: EventRecord, step: DnsStep): Told {
  const { words } = record;
  const dns = body.move(words, record.body);
  const message = readDnsMessage(record.bytes(DnsBody.SIZE, dns.copied));
  const { question } = message ?? {};
  const asked =
    question === undefined ? 'a question that cannot be read' : `${typeName(question.type)} ${question.name}`;
  const rcode = rcodeName(dns.rcode);
  const isResponse = step === 'response';
  const attributes: Record<string, AttributeValue> = {
    ...network(record, dns),
    ...(question !== undefined && { 'dns.question.name': question.name, 'dns.question.type': typeName(question.type) }),
    ...(message !== undefined && { 'ebpf.dns.id': message.id }),
    ...(message !== undefined && message.opcode !== 0 && { 'ebpf.dns.opcode': message.opcode }),
    'ebpf.dns.message_bytes': dns.length,
    ...(dns.repeated !== 0 && { 'ebpf.dns.repeated': true }),
    ...(isResponse && { 'dns.response_code': rcode, 'ebpf.dns.latency_ns': Number(dns.latency) }),
    ...(isResponse && message !== undefined && { 'ebpf.dns.answer_count': message.answerCount }),
    ...(isResponse && message?.isTruncated && { 'ebpf.dns.truncated': true }),
    ...(isResponse && message !== undefined && message.addresses.length > 0 && { 'dns.answers': message.addresses }),
  };
  return {
    name: `dns.${step}`,
    ...(isResponse ? weightOf(rcode) : dns.repeated === 0 ? QUERY : REPEATED),
    what: isResponse ? `was told ${rcode} for ${asked}` : `asked for ${asked}${dns.repeated === 0 ? '' : ' again'}`,
    attributes,
  };
}

interface Weight {
  readonly severity: Severity;
  readonly importance: number;
}

const QUERY: Weight = { severity: 'DEBUG', importance: 0.1 };
const REPEATED: Weight = { severity: 'INFO', importance: 0.4 };

function weightOf(rcode: string): Weight {
  if (rcode === 'NOERROR') return { severity: 'DEBUG', importance: 0.2 };
  if (rcode === 'NXDOMAIN') return { severity: 'INFO', importance: 0.3 };
  return { severity: 'WARN', importance: 0.6 };
}

function network({ words, body: at }: EventRecord, dns: DnsBody): Record<string, AttributeValue> {
  const local = at + DnsBody.WORD.localAddress;
  const peer = at + DnsBody.WORD.peerAddress;
  const version = dns.isIpv6 === 0 ? 4 : 6;
  const ipv6 = version === 6 && !(isMapped(words, local) && isMapped(words, peer));
  return {
    'network.transport': dns.transport === DnsTransport.DNS_TCP ? 'tcp' : 'udp',
    'network.type': ipv6 ? 'ipv6' : 'ipv4',
    'network.local.address': addressText(words, local, version),
    'network.local.port': dns.localPort,
    'network.peer.address': addressText(words, peer, version),
    'network.peer.port': dns.peerPort,
  };
}
