import { WireError } from 'bpflow/sdk';
import { Endpoints } from './endpoints.ts';
import { RECORD } from './enums.ts';
import { Flow, type Range } from './flow.ts';
import { Words } from './words.ts';

/** What a message of the stream is. `none`: neither of these. */
export type MessageKind = 'flow' | 'node_status' | 'lost_events' | 'none';

/** Names of an address that are kept. */
const MAX_NAMES = 16;

/**
 * Reads the messages of `GetFlows` at the places where the needed fields are; everything else is passed over. A flow's strings
 * stay bytes, or become word numbers. The message is copied here, so that numbers can be read by words of 32 bits.
 *
 * 1.2 µs a flow of 763 bytes, most of it walking over the fields that are not needed.
 */
export class FlowReader {
  /** The last message, from 0 to {@link length}. Longer: what earlier ones left. */
  bytes: Buffer = Buffer.alloc(16 * 1024);
  length = 0;
  /** The last flow, when the last message was one. */
  readonly flow = new Flow();
  /** Where the content of the last message that is no flow lies. */
  readonly content: Range = { start: 0, end: 0 };
  /** Word number of the response's own node name. */
  nodeName = 0;
  readonly words: Words;
  readonly endpoints: Endpoints;
  #view = viewOf(this.bytes);
  #at = 0;

  constructor(words = new Words(), endpoints = new Endpoints()) {
    this.words = words;
    this.endpoints = endpoints;
  }

  /** GetFlowsResponse: 1 flow, 2 node_status, 3 lost_events, 1000 node_name. Throws WireError; the flow is then undefined. */
  read(message: Uint8Array): MessageKind {
    this.length = message.length;
    if (message.length > this.bytes.length) {
      this.bytes = Buffer.alloc(message.length + 1024);
      this.#view = viewOf(this.bytes);
    }
    this.bytes.set(message);
    this.nodeName = 0;
    this.#at = 0;
    const end = message.length;
    let kind: MessageKind = 'none';
    while (this.#at < end) {
      const tag = this.#varint(end);
      switch (tag) {
        case 1 * 8 + 2: {
          kind = 'flow';
          const until = this.#delimited(end);
          this.flow.clear();
          this.#flow(this.flow, until);
          break;
        }
        case 2 * 8 + 2:
        case 3 * 8 + 2: {
          kind = tag === 2 * 8 + 2 ? 'node_status' : 'lost_events';
          const until = this.#delimited(end);
          this.content.start = this.#at;
          this.content.end = until;
          this.#at = until;
          break;
        }
        case 1000 * 8 + 2:
          this.nodeName = this.#word(end);
          break;
        default:
          this.#skip(tag, end);
      }
    }
    return kind;
  }

  /** Two hashes of the whole last message. */
  hashes(): [low: number, high: number] {
    let low = 0x51ed_270b;
    let high = 0x27d4_eb2f;
    for (let at = 0; at < this.length; at++) {
      low = Math.imul(low ^ this.bytes[at]!, 0x0100_0193);
      high = Math.imul(high ^ this.bytes[at]!, 0x85eb_ca6b) ^ (high >>> 13);
    }
    return [low, high];
  }

  /** The text in a range of the last message. */
  text({ start, end }: Range): string {
    return start === end ? '' : this.bytes.toString('utf8', start, end);
  }

  /**
   * Flow: 1 time, 2 verdict, 5 IP, 6 l4, 8 source, 9 destination, 10 Type, 11 node_name, 13 source_names, 14 destination_names,
   * 15 l7, 19 event_type, 20 source_service, 21 destination_service, 22 traffic_direction, 23 policy_match_type,
   * 24 trace_observation_point, 25 drop_reason_desc, 26 is_reply, 30 trace_context, 34 uuid, 36 trace_reason.
   */
  #flow(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      switch (tag) {
        case 1 * 8 + 2:
          this.#time(flow, this.#delimited(end));
          break;
        case 2 * 8:
          flow.verdict = this.#int32(end);
          break;
        case 5 * 8 + 2:
          this.#ip(flow, this.#delimited(end));
          break;
        case 6 * 8 + 2:
          this.#layer4(flow, this.#delimited(end));
          break;
        case 8 * 8 + 2: {
          const until = this.#delimited(end);
          flow.source = this.endpoints.at(this.bytes, this.#view, this.#at, until);
          this.#at = until;
          break;
        }
        case 9 * 8 + 2: {
          const until = this.#delimited(end);
          flow.destination = this.endpoints.at(this.bytes, this.#view, this.#at, until);
          this.#at = until;
          break;
        }
        case 10 * 8:
          flow.type = this.#int32(end);
          break;
        case 11 * 8 + 2:
          flow.nodeName = this.#word(end);
          break;
        case 13 * 8 + 2:
          flow.sourceNames = this.#joined(flow.sourceNames, end);
          break;
        case 14 * 8 + 2:
          flow.destinationNames = this.#joined(flow.destinationNames, end);
          break;
        case 15 * 8 + 2:
          this.#layer7(flow, this.#delimited(end));
          break;
        case 19 * 8 + 2:
          this.#eventType(flow, this.#delimited(end));
          break;
        case 20 * 8 + 2: {
          const until = this.#delimited(end);
          flow.sourceService = flow.sourceServiceNamespace = 0;
          while (this.#at < until) {
            const inner = this.#varint(until);
            if (inner === 1 * 8 + 2) flow.sourceService = this.#word(until);
            else if (inner === 2 * 8 + 2) flow.sourceServiceNamespace = this.#word(until);
            else this.#skip(inner, until);
          }
          break;
        }
        case 21 * 8 + 2: {
          const until = this.#delimited(end);
          flow.destinationService = flow.destinationServiceNamespace = 0;
          while (this.#at < until) {
            const inner = this.#varint(until);
            if (inner === 1 * 8 + 2) flow.destinationService = this.#word(until);
            else if (inner === 2 * 8 + 2) flow.destinationServiceNamespace = this.#word(until);
            else this.#skip(inner, until);
          }
          break;
        }
        case 22 * 8:
          flow.direction = this.#int32(end);
          break;
        case 23 * 8:
          flow.policyMatch = this.#int32(end);
          break;
        case 24 * 8:
          flow.point = this.#int32(end);
          break;
        case 25 * 8:
          flow.dropReason = this.#int32(end);
          break;
        case 26 * 8 + 2: {
          const until = this.#delimited(end);
          flow.isReply = 1;
          while (this.#at < until) {
            const inner = this.#varint(until);
            if (inner === 1 * 8) flow.isReply = this.#varint(until) === 0 ? 1 : 2;
            else this.#skip(inner, until);
          }
          break;
        }
        case 30 * 8 + 2:
          this.#traceContext(flow, this.#delimited(end));
          break;
        case 34 * 8 + 2:
          this.#uuid(flow, this.#delimited(end));
          break;
        case 36 * 8:
          flow.traceReason = this.#int32(end);
          break;
        default:
          this.#skip(tag, end);
      }
    }
  }

  /** Timestamp: 1 seconds, 2 nanos. */
  #time(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag === 1 * 8) flow.seconds = this.#varint(end);
      else if (tag === 2 * 8) flow.nanos = this.#int32(end);
      else this.#skip(tag, end);
    }
  }

  /** IP: 1 source, 2 destination, 3 ipVersion. */
  #ip(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag === 1 * 8 + 2) this.#range(flow.sourceIp, end);
      else if (tag === 2 * 8 + 2) this.#range(flow.destinationIp, end);
      else if (tag === 3 * 8) flow.ipVersion = this.#int32(end);
      else this.#skip(tag, end);
    }
  }

  /** Layer4: one of 1 TCP, 2 UDP, 3 ICMPv4, 4 ICMPv6, 5 SCTP, 6 VRRP, 7 IGMP. */
  #layer4(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      const field = tag >>> 3;
      if ((tag & 7) !== 2 || field > 7) {
        this.#skip(tag, end);
        continue;
      }
      flow.protocol = field;
      const until = this.#delimited(end);
      if (field === 3 || field === 4) this.#icmp(flow, until);
      else if (field <= 5) this.#ports(flow, field, until);
      else this.#at = until;
    }
  }

  /** TCP: 1 source_port, 2 destination_port, 3 flags. UDP: 1, 2. SCTP: 1, 2, 3 chunk_type. */
  #ports(flow: Flow, protocol: number, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag === 1 * 8) flow.sourcePort = this.#int32(end);
      else if (tag === 2 * 8) flow.destinationPort = this.#int32(end);
      else if (tag === 3 * 8 + 2 && protocol === 1) this.#tcpFlags(flow, this.#delimited(end));
      else if (tag === 3 * 8 && protocol === 5) flow.sctpChunk = this.#int32(end);
      else this.#skip(tag, end);
    }
  }

  /** TCPFlags: 1 FIN, 2 SYN, 3 RST, 4 PSH, 5 ACK, 6 URG, 7 ECE, 8 CWR, 9 NS. */
  #tcpFlags(flow: Flow, end: number): void {
    let flags = 0;
    while (this.#at < end) {
      const tag = this.#varint(end);
      const field = tag >>> 3;
      if ((tag & 7) !== 0 || field > 9) this.#skip(tag, end);
      else if (this.#varint(end) !== 0) flags |= 1 << (field - 1);
    }
    flow.hasTcpFlags = true;
    flow.tcpFlags = flags;
  }

  /** ICMPv4, ICMPv6: 1 type, 2 code. */
  #icmp(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag === 1 * 8) flow.icmpType = this.#int32(end);
      else if (tag === 2 * 8) flow.icmpCode = this.#int32(end);
      else this.#skip(tag, end);
    }
  }

  /** CiliumEventType: 1 type, 2 sub_type. */
  #eventType(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag === 1 * 8) flow.eventType = this.#int32(end);
      else if (tag === 2 * 8) flow.eventSubType = this.#int32(end);
      else this.#skip(tag, end);
    }
  }

  /** TraceContext: 1 parent { 1 trace_id }. */
  #traceContext(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag !== 1 * 8 + 2) {
        this.#skip(tag, end);
        continue;
      }
      const until = this.#delimited(end);
      while (this.#at < until) {
        const inner = this.#varint(until);
        if (inner === 1 * 8 + 2) this.#range(flow.traceId, until);
        else this.#skip(inner, until);
      }
    }
  }

  /** Two hashes of the text: 64 bits tell events apart as well as its 122 random ones do among those that are remembered. */
  #uuid(flow: Flow, end: number): void {
    let low = 0x2545_f491;
    let high = 0x1656_67b1;
    let at = this.#at;
    for (; at + 4 <= end; at += 4) {
      const word = this.#view.getInt32(at, true);
      low = Math.imul(low ^ word, 0x9e37_79b1);
      low ^= low >>> 15;
      high = Math.imul(high ^ word, 0x85eb_ca6b);
      high ^= high >>> 13;
    }
    for (; at < end; at++) low = Math.imul(low ^ this.bytes[at]!, 0x0100_0193);
    flow.uuidLow = low;
    flow.uuidHigh = high;
    this.#at = end;
  }

  /** Layer7: 1 type, 2 latency_ns, one of 100 dns, 101 http, 102 kafka. */
  #layer7(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      switch (tag) {
        case 1 * 8:
          flow.l7Type = this.#int32(end);
          break;
        case 2 * 8:
          flow.latency = this.#varint(end);
          break;
        case 100 * 8 + 2:
          flow.record = RECORD.DNS;
          this.#dns(flow, this.#delimited(end));
          break;
        case 101 * 8 + 2:
          flow.record = RECORD.HTTP;
          this.#http(flow, this.#delimited(end));
          break;
        case 102 * 8 + 2:
          flow.record = RECORD.KAFKA;
          this.#kafka(flow, this.#delimited(end));
          break;
        default:
          this.#skip(tag, end);
      }
    }
  }

  /** DNS: 1 query, 2 ips, 6 rcode, 7 qtypes, 8 rrtypes. */
  #dns(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      switch (tag) {
        case 1 * 8 + 2:
          this.#range(flow.dnsQuery, end);
          break;
        case 2 * 8 + 2:
          flow.dnsIps++;
          this.#at = this.#delimited(end);
          break;
        case 6 * 8:
          flow.dnsRcode = this.#int32(end);
          break;
        case 7 * 8 + 2:
          flow.dnsQtypes = this.#joined(flow.dnsQtypes, end);
          break;
        case 8 * 8 + 2:
          flow.dnsRrtypes = this.#joined(flow.dnsRrtypes, end);
          break;
        default:
          this.#skip(tag, end);
      }
    }
  }

  /** HTTP: 1 code, 2 method, 3 url, 4 protocol, 5 headers { 1 key, 2 value }. */
  #http(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      switch (tag) {
        case 1 * 8:
          flow.httpCode = this.#int32(end);
          break;
        case 2 * 8 + 2:
          flow.httpMethod = this.#word(end);
          break;
        case 3 * 8 + 2:
          this.#range(flow.httpUrl, end);
          break;
        case 4 * 8 + 2:
          flow.httpProtocol = this.#word(end);
          break;
        case 5 * 8 + 2:
          this.#header(flow, this.#delimited(end));
          break;
        default:
          this.#skip(tag, end);
      }
    }
  }

  #header(flow: Flow, end: number): void {
    let key = 0;
    let keyEnd = 0;
    let value = 0;
    let valueEnd = 0;
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag === 1 * 8 + 2) {
        keyEnd = this.#delimited(end);
        key = this.#at;
        this.#at = keyEnd;
      } else if (tag === 2 * 8 + 2) {
        valueEnd = this.#delimited(end);
        value = this.#at;
        this.#at = valueEnd;
      } else this.#skip(tag, end);
    }
    const length = keyEnd - key;
    if (length === CONTENT_TYPE.length && this.#isText(key, CONTENT_TYPE)) {
      const isGrpc = valueEnd - value >= GRPC.length && this.#isText(value, GRPC);
      const isRedacted = valueEnd - value === REDACTED.length && this.#isText(value, REDACTED);
      flow.contentType = isGrpc ? 2 : isRedacted ? 0 : 1;
    } else if (length === GRPC_STATUS.length && this.#isText(key, GRPC_STATUS)) {
      flow.grpcStatus = this.#smallNumber(value, valueEnd);
    }
  }

  /** Kafka: 1 error_code, 3 api_key, 5 topic. */
  #kafka(flow: Flow, end: number): void {
    while (this.#at < end) {
      const tag = this.#varint(end);
      if (tag === 1 * 8) flow.kafkaError = this.#int32(end);
      else if (tag === 3 * 8 + 2) flow.kafkaApiKey = this.#word(end);
      else if (tag === 5 * 8 + 2) flow.kafkaTopic = this.#word(end);
      else this.#skip(tag, end);
    }
  }

  /** Whether the text at `start`, in any case, is this lower-case one. */
  #isText(start: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      const byte = this.bytes[start + i]!;
      const lower = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
      if (lower !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** A number of one or two digits; -1 for anything else. */
  #smallNumber(start: number, end: number): number {
    if (end - start < 1 || end - start > 2) return -1;
    let value = 0;
    for (let at = start; at < end; at++) {
      const digit = this.bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }

  #word(end: number): number {
    const until = this.#delimited(end);
    const word = this.words.id(this.bytes, this.#at, until);
    this.#at = until;
    return word;
  }

  /** One more of a list of strings that are kept as one word, with commas between. */
  #joined(word: number, end: number): number {
    const next = this.#word(end);
    if (word === 0) return next;
    const text = this.words.text(word);
    return text.split(',', MAX_NAMES).length >= MAX_NAMES ? word : this.words.idOf(`${text},${this.words.text(next)}`);
  }

  #range(range: Range, end: number): void {
    const until = this.#delimited(end);
    range.start = this.#at;
    range.end = until;
    this.#at = until;
  }

  /** A varint as a number; what lies beyond 2^53 is rounded. */
  #varint(end: number): number {
    const at = this.#at;
    if (at < end) {
      const byte = this.bytes[at]!;
      if (byte < 0x80) {
        this.#at = at + 1;
        return byte;
      }
    }
    return this.#longVarint(end);
  }

  #longVarint(end: number): number {
    const start = this.#at;
    let value = 0;
    let scale = 1;
    for (let at = start; at < end && at < start + 10; at++) {
      const byte = this.bytes[at]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
      scale *= 128;
    }
    throw new WireError('a varint is cut off', start);
  }

  /** The low 32 bits of a varint, signed. */
  #int32(end: number): number {
    const start = this.#at;
    if (start < end) {
      const byte = this.bytes[start]!;
      if (byte < 0x80) {
        this.#at = start + 1;
        return byte;
      }
    }
    let value = 0;
    for (let at = start, shift = 0; at < end && at < start + 10; at++, shift += 7) {
      const byte = this.bytes[at]!;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#at = at + 1;
        return value;
      }
    }
    throw new WireError('a varint is cut off', start);
  }

  /** Where the delimited value ends whose length comes now. */
  #delimited(end: number): number {
    const length = this.#varint(end);
    if (length > end - this.#at) throw new WireError(`a field has ${length} bytes, ${end - this.#at} follow`, this.#at);
    return this.#at + length;
  }

  #skip(tag: number, end: number): void {
    if (tag < 8 || tag > 0xffff_ffff) throw new WireError(`tag ${tag} is no field`, this.#at);
    switch (tag & 7) {
      case 0:
        this.#varint(end);
        return;
      case 1:
        this.#at += 8;
        break;
      case 2:
        this.#at = this.#delimited(end);
        return;
      case 5:
        this.#at += 4;
        break;
      default:
        throw new WireError(`wire type ${tag & 7} is not supported`, this.#at);
    }
    if (this.#at > end) throw new WireError('a value is cut off', end);
  }
}

const CONTENT_TYPE = 'content-type';
const GRPC_STATUS = 'grpc-status';
const GRPC = 'application/grpc';
/** In lower case; Cilium writes it so in place of values that must not be seen. */
const REDACTED = 'hubble_redacted';

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
