import type { Endpoint } from './endpoints.ts';
import { NO_ENDPOINT } from './endpoints.ts';

/** Part of a message's bytes; empty for what was not sent. */
export interface Range {
  start: number;
  end: number;
}

function range(): Range {
  return { start: 0, end: 0 };
}

/**
 * One flow, as the reader leaves it: numbers and places in the reader's bytes, so that reading makes no objects. Valid until the
 * next message is read. Enums are Cilium's numbers (enums.ts); what was not sent is 0.
 */
export class Flow {
  /** Since 1970. */
  seconds = 0;
  nanos = 0;
  verdict = 0;
  dropReason = 0;
  eventType = 0;
  eventSubType = 0;
  type = 0;
  /** 0 unknown, 1 no, 2 yes. */
  isReply = 0;
  direction = 0;
  policyMatch = 0;
  point = 0;
  traceReason = 0;
  ipVersion = 0;
  readonly sourceIp = range();
  readonly destinationIp = range();
  /** Which of `Layer4` is set: its field number; 0 for none. */
  protocol = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** Whether the flow has TCP flags at all. */
  hasTcpFlags = false;
  /** Bits of TCP_FLAG. */
  tcpFlags = 0;
  icmpType = 0;
  icmpCode = 0;
  sctpChunk = 0;
  source: Endpoint = NO_ENDPOINT;
  destination: Endpoint = NO_ENDPOINT;
  /** All names joined by commas; word numbers. */
  sourceNames = 0;
  destinationNames = 0;
  /** Word numbers. */
  sourceService = 0;
  sourceServiceNamespace = 0;
  destinationService = 0;
  destinationServiceNamespace = 0;
  nodeName = 0;
  readonly traceId = range();
  /** Two halves of a hash of the uuid; both 0 without one. */
  uuidLow = 0;
  uuidHigh = 0;
  l7Type = 0;
  /** ns; 0 when not known. */
  latency = 0;
  /** Which record: see RECORD. */
  record = 0;
  httpCode = 0;
  /** Word numbers. */
  httpMethod = 0;
  httpProtocol = 0;
  readonly httpUrl = range();
  /** What the content type says: 0 nothing, 1 not gRPC, 2 gRPC. */
  contentType = 0;
  /** Of the header `grpc-status`; -1 when it is not there. */
  grpcStatus = -1;
  readonly dnsQuery = range();
  dnsRcode = 0;
  dnsIps = 0;
  /** All joined by commas; word numbers. */
  dnsQtypes = 0;
  dnsRrtypes = 0;
  kafkaError = 0;
  kafkaApiKey = 0;
  kafkaTopic = 0;

  clear(): void {
    this.seconds = 0;
    this.nanos = 0;
    this.verdict = 0;
    this.dropReason = 0;
    this.eventType = 0;
    this.eventSubType = 0;
    this.type = 0;
    this.isReply = 0;
    this.direction = 0;
    this.policyMatch = 0;
    this.point = 0;
    this.traceReason = 0;
    this.ipVersion = 0;
    this.sourceIp.start = this.sourceIp.end = 0;
    this.destinationIp.start = this.destinationIp.end = 0;
    this.protocol = 0;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.hasTcpFlags = false;
    this.tcpFlags = 0;
    this.icmpType = 0;
    this.icmpCode = 0;
    this.sctpChunk = 0;
    this.source = NO_ENDPOINT;
    this.destination = NO_ENDPOINT;
    this.sourceNames = 0;
    this.destinationNames = 0;
    this.sourceService = 0;
    this.sourceServiceNamespace = 0;
    this.destinationService = 0;
    this.destinationServiceNamespace = 0;
    this.nodeName = 0;
    this.traceId.start = this.traceId.end = 0;
    this.uuidLow = 0;
    this.uuidHigh = 0;
    this.l7Type = 0;
    this.latency = 0;
    this.record = 0;
    this.httpCode = 0;
    this.httpMethod = 0;
    this.httpProtocol = 0;
    this.httpUrl.start = this.httpUrl.end = 0;
    this.contentType = 0;
    this.grpcStatus = -1;
    this.dnsQuery.start = this.dnsQuery.end = 0;
    this.dnsRcode = 0;
    this.dnsIps = 0;
    this.dnsQtypes = 0;
    this.dnsRrtypes = 0;
    this.kafkaError = 0;
    this.kafkaApiKey = 0;
    this.kafkaTopic = 0;
  }
}
