import { RECORD } from './enums.ts';
import type { Flow } from './flow.ts';
import type { MessageCursor } from './message-cursor.ts';

/** Layer7: 1 type, 2 latency_ns, one of 100 dns, 101 http, 102 kafka. */
export function readLayer7(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    switch (tag) {
      case 1 * 8:
        flow.l7Type = cursor.int32(end);
        break;
      case 2 * 8:
        flow.latency = cursor.varint(end);
        break;
      case 100 * 8 + 2:
        flow.record = RECORD.DNS;
        readDns(cursor, flow, cursor.delimited(end));
        break;
      case 101 * 8 + 2:
        flow.record = RECORD.HTTP;
        readHttp(cursor, flow, cursor.delimited(end));
        break;
      case 102 * 8 + 2:
        flow.record = RECORD.KAFKA;
        readKafka(cursor, flow, cursor.delimited(end));
        break;
      default:
        cursor.skip(tag, end);
    }
  }
}

/** DNS: 1 query, 2 ips, 6 rcode, 7 qtypes, 8 rrtypes. */
function readDns(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    switch (tag) {
      case 1 * 8 + 2:
        cursor.range(flow.dnsQuery, end);
        break;
      case 2 * 8 + 2:
        flow.dnsIps++;
        cursor.at = cursor.delimited(end);
        break;
      case 6 * 8:
        flow.dnsRcode = cursor.int32(end);
        break;
      case 7 * 8 + 2:
        flow.dnsQtypes = cursor.joined(flow.dnsQtypes, end);
        break;
      case 8 * 8 + 2:
        flow.dnsRrtypes = cursor.joined(flow.dnsRrtypes, end);
        break;
      default:
        cursor.skip(tag, end);
    }
  }
}

/** HTTP: 1 code, 2 method, 3 url, 4 protocol, 5 headers { 1 key, 2 value }. */
function readHttp(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    switch (tag) {
      case 1 * 8:
        flow.httpCode = cursor.int32(end);
        break;
      case 2 * 8 + 2:
        flow.httpMethod = cursor.word(end);
        break;
      case 3 * 8 + 2:
        cursor.range(flow.httpUrl, end);
        break;
      case 4 * 8 + 2:
        flow.httpProtocol = cursor.word(end);
        break;
      case 5 * 8 + 2:
        readHeader(cursor, flow, cursor.delimited(end));
        break;
      default:
        cursor.skip(tag, end);
    }
  }
}

function readHeader(cursor: MessageCursor, flow: Flow, end: number): void {
  let key = 0;
  let keyEnd = 0;
  let value = 0;
  let valueEnd = 0;
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag === 1 * 8 + 2) {
      keyEnd = cursor.delimited(end);
      key = cursor.at;
      cursor.at = keyEnd;
    } else if (tag === 2 * 8 + 2) {
      valueEnd = cursor.delimited(end);
      value = cursor.at;
      cursor.at = valueEnd;
    } else cursor.skip(tag, end);
  }
  const length = keyEnd - key;
  if (length === CONTENT_TYPE.length && cursor.isText(key, CONTENT_TYPE)) {
    const isGrpc = valueEnd - value >= GRPC.length && cursor.isText(value, GRPC);
    const isRedacted = valueEnd - value === REDACTED.length && cursor.isText(value, REDACTED);
    flow.contentType = isGrpc ? 2 : isRedacted ? 0 : 1;
  } else if (length === GRPC_STATUS.length && cursor.isText(key, GRPC_STATUS)) {
    flow.grpcStatus = cursor.smallNumber(value, valueEnd);
  }
}

/** Kafka: 1 error_code, 3 api_key, 5 topic. */
function readKafka(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag === 1 * 8) flow.kafkaError = cursor.int32(end);
    else if (tag === 3 * 8 + 2) flow.kafkaApiKey = cursor.word(end);
    else if (tag === 5 * 8 + 2) flow.kafkaTopic = cursor.word(end);
    else cursor.skip(tag, end);
  }
}

const CONTENT_TYPE = 'content-type';
const GRPC_STATUS = 'grpc-status';
const GRPC = 'application/grpc';
/** In lower case; Cilium writes it so in place of values that must not be seen. */
const REDACTED = 'hubble_redacted';
