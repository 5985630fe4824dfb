import type { Flow } from './flow.ts';
import type { MessageCursor } from './message-cursor.ts';

/** Layer4: one of 1 TCP, 2 UDP, 3 ICMPv4, 4 ICMPv6, 5 SCTP, 6 VRRP, 7 IGMP. */
export function readLayer4(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    const field = tag >>> 3;
    if ((tag & 7) !== 2 || field > 7) {
      cursor.skip(tag, end);
      continue;
    }
    flow.protocol = field;
    const until = cursor.delimited(end);
    if (field === 3 || field === 4) readIcmp(cursor, flow, until);
    else if (field <= 5) readPorts(cursor, flow, field, until);
    else cursor.at = until;
  }
}

/** TCP: 1 source_port, 2 destination_port, 3 flags. UDP: 1, 2. SCTP: 1, 2, 3 chunk_type. */
function readPorts(cursor: MessageCursor, flow: Flow, protocol: number, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag === 1 * 8) flow.sourcePort = cursor.int32(end);
    else if (tag === 2 * 8) flow.destinationPort = cursor.int32(end);
    else if (tag === 3 * 8 + 2 && protocol === 1) readTcpFlags(cursor, flow, cursor.delimited(end));
    else if (tag === 3 * 8 && protocol === 5) flow.sctpChunk = cursor.int32(end);
    else cursor.skip(tag, end);
  }
}

/** TCPFlags: 1 FIN, 2 SYN, 3 RST, 4 PSH, 5 ACK, 6 URG, 7 ECE, 8 CWR, 9 NS. */
function readTcpFlags(cursor: MessageCursor, flow: Flow, end: number): void {
  let flags = 0;
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    const field = tag >>> 3;
    if ((tag & 7) !== 0 || field > 9) cursor.skip(tag, end);
    else if (cursor.varint(end) !== 0) flags |= 1 << (field - 1);
  }
  flow.hasTcpFlags = true;
  flow.tcpFlags = flags;
}

/** ICMPv4, ICMPv6: 1 type, 2 code. */
function readIcmp(cursor: MessageCursor, flow: Flow, end: number): void {
  while (cursor.at < end) {
    const tag = cursor.varint(end);
    if (tag === 1 * 8) flow.icmpType = cursor.int32(end);
    else if (tag === 2 * 8) flow.icmpCode = cursor.int32(end);
    else cursor.skip(tag, end);
  }
}
