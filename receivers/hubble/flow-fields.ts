import type { Endpoints } from './endpoints.ts';
import type { Flow } from './flow.ts';
import { readLayer4 } from './layer4-fields.ts';
import { readLayer7 } from './layer7-fields.ts';
import type { MessageCursor } from './message-cursor.ts';
import type { Words } from './words.ts';

/**
 * Flow: 1 time, 2 verdict, 5 IP, 6 l4, 8 source, 9 destination, 10 Type, 11 node_name, 13 source_names, 14 destination_names,
 * 15 l7, 19 event_type, 20 source_service, 21 destination_service, 22 traffic_direction, 23 policy_match_type,
 * 24 trace_observation_point, 25 drop_reason_desc, 26 is_reply, 30 trace_context, 34 uuid, 36 trace_reason.
 */
export function readFlow(cursor: MessageCursor, endpoints: Endpoints, names: Words, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    switch (tag) {
      case 1 * 8 + 2:
        readTime(cursor, flow, cursor.delimited(end));
        break;
      case 2 * 8:
        flow.verdict = cursor.int32(end);
        break;
      case 5 * 8 + 2:
        readIp(cursor, flow, cursor.delimited(end));
        break;
      case 6 * 8 + 2:
        readLayer4(cursor, flow, cursor.delimited(end));
        break;
      case 8 * 8 + 2: {
        const until = cursor.delimited(end);
        flow.source = endpoints.at(cursor.bytes, cursor.view, cursor.at, until);
        cursor.at = until;
        break;
      }
      case 9 * 8 + 2: {
        const until = cursor.delimited(end);
        flow.destination = endpoints.at(cursor.bytes, cursor.view, cursor.at, until);
        cursor.at = until;
        break;
      }
      case 10 * 8:
        flow.type = cursor.int32(end);
        break;
      case 11 * 8 + 2:
        flow.nodeName = cursor.word(end);
        break;
      case 13 * 8 + 2:
        flow.sourceNames = cursor.joined(flow.sourceNames, end, names);
        break;
      case 14 * 8 + 2:
        flow.destinationNames = cursor.joined(flow.destinationNames, end, names);
        break;
      case 15 * 8 + 2:
        readLayer7(cursor, flow, cursor.delimited(end));
        break;
      case 19 * 8 + 2:
        readEventType(cursor, flow, cursor.delimited(end));
        break;
      case 20 * 8 + 2: {
        const until = cursor.delimited(end);
        flow.sourceService = flow.sourceServiceNamespace = 0;
        while (cursor.at < until) {
          const inner = cursor.varint(until);
          if (inner === 1 * 8 + 2) flow.sourceService = cursor.word(until);
          else if (inner === 2 * 8 + 2) flow.sourceServiceNamespace = cursor.word(until);
          else cursor.skip(inner, until);
        }
        break;
      }
      case 21 * 8 + 2: {
        const until = cursor.delimited(end);
        flow.destinationService = flow.destinationServiceNamespace = 0;
        while (cursor.at < until) {
          const inner = cursor.varint(until);
          if (inner === 1 * 8 + 2) flow.destinationService = cursor.word(until);
          else if (inner === 2 * 8 + 2) flow.destinationServiceNamespace = cursor.word(until);
          else cursor.skip(inner, until);
        }
        break;
      }
      case 22 * 8:
        flow.direction = cursor.int32(end);
        break;
      case 23 * 8:
        flow.policyMatch = cursor.int32(end);
        break;
      case 24 * 8:
        flow.point = cursor.int32(end);
        break;
      case 25 * 8:
        flow.dropReason = cursor.int32(end);
        break;
      case 26 * 8 + 2: {
        const until = cursor.delimited(end);
        flow.isReply = 1;
        while (cursor.at < until) {
          const inner = cursor.varint(until);
          if (inner === 1 * 8) flow.isReply = cursor.varint(until) === 0 ? 1 : 2;
          else cursor.skip(inner, until);
        }
        break;
      }
      case 30 * 8 + 2:
        readTraceContext(cursor, flow, cursor.delimited(end));
        break;
      case 34 * 8 + 2:
        readUuid(cursor, flow, cursor.delimited(end));
        break;
      case 36 * 8:
        flow.traceReason = cursor.int32(end);
        break;
      default:
        cursor.skip(tag, end);
    }
  }
}

/** Timestamp: 1 seconds, 2 nanos. */
function readTime(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag === 1 * 8) flow.seconds = cursor.varint(end);
    else if (tag === 2 * 8) flow.nanos = cursor.int32(end);
    else cursor.skip(tag, end);
  }
}

/** IP: 1 source, 2 destination, 3 ipVersion. */
function readIp(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag === 1 * 8 + 2) cursor.range(flow.sourceIp, end);
    else if (tag === 2 * 8 + 2) cursor.range(flow.destinationIp, end);
    else if (tag === 3 * 8) flow.ipVersion = cursor.int32(end);
    else cursor.skip(tag, end);
  }
}

/** CiliumEventType: 1 type, 2 sub_type. */
function readEventType(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag === 1 * 8) flow.eventType = cursor.int32(end);
    else if (tag === 2 * 8) flow.eventSubType = cursor.int32(end);
    else cursor.skip(tag, end);
  }
}

/** TraceContext: 1 parent { 1 trace_id }. */
function readTraceContext(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag !== 1 * 8 + 2) {
      cursor.skip(tag, end);
      continue;
    }
    const until = cursor.delimited(end);
    while (cursor.at < until) {
      const inner = cursor.varint(until);
      if (inner === 1 * 8 + 2) cursor.range(flow.traceId, until);
      else cursor.skip(inner, until);
    }
  }
}

/** Two hashes of the text: 64 bits tell events apart as well as its 122 random ones do among those that are remembered. */
function readUuid(cursor: MessageCursor, flow: Flow, end: number): void {
  let low = 0x2545_f491;
  let high = 0x1656_67b1;
  let at = cursor.at;
  for (; at + 4 <= end; at += 4) {
    const word = cursor.view.getInt32(at, true);
    low = Math.imul(low ^ word, 0x9e37_79b1);
    low ^= low >>> 15;
    high = Math.imul(high ^ word, 0x85eb_ca6b);
    high ^= high >>> 13;
  }
  for (; at < end; at++) low = Math.imul(low ^ cursor.bytes[at]!, 0x0100_0193);
  flow.uuidLow = low;
  flow.uuidHigh = high;
  cursor.at = end;
}
