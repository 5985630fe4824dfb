import {
  EVENT,
  IP_VERSIONS,
  nameOf,
  OBSERVATION_POINTS,
  PROTOCOL,
  SCTP_CHUNKS,
  TCP_FLAG,
  VERDICT,
  VERDICTS,
} from './enums.ts';
import type { Flow } from './flow.ts';
import type { MetricsOptions } from './flow-metrics.ts';
import { icmpName } from './icmp-names.ts';
import { PendingCounter, type PendingMetric } from './pending-metrics.ts';
import { L4_PROTOCOLS, protocolName, upstreamCounter } from './upstream-definitions.ts';

const FLAG_NAMES: readonly string[] = ['FIN', 'SYN', 'SYN-ACK', 'RST'];
const POLICY_DENIED = 133;
const WITH_PORTS: ReadonlySet<number> = new Set([PROTOCOL.TCP, PROTOCOL.UDP, PROTOCOL.SCTP]);
/** In place of a port: the protocol has none. */
const NO_PORT = 0x10000;
const WORLD: ReadonlySet<string> = new Set(['reserved:world', 'reserved:world-ipv4', 'reserved:world-ipv6']);

/** Cilium's groups flow, tcp, port-distribution, icmp, sctp and flows-to-world. */
export class UpstreamFlows {
  readonly metrics: readonly PendingMetric[];
  readonly #flows: PendingCounter;
  readonly #tcpFlags: PendingCounter;
  readonly #ports: PendingCounter;
  readonly #icmp: PendingCounter;
  readonly #sctp: PendingCounter;
  readonly #world: PendingCounter;
  readonly #toWorld: { readonly anyDrop: boolean; readonly port: boolean; readonly synOnly: boolean };
  /** Whether an endpoint is the outside world, by its id. */
  readonly #isWorld = new Map<number, boolean>();

  constructor(options: MetricsOptions) {
    const { shared } = options;
    this.#flows = new PendingCounter(
      upstreamCounter(options, 'flows_processed', '{flow}', 'Total number of flows processed.', [
        'protocol',
        'type',
        'subtype',
        'verdict',
      ]),
      shared,
      (packed) => {
        const protocol = protocolName(packed & 0xf);
        const [type, subtype] = eventNames((packed >>> 8) & 0xff, (packed >>> 16) & 0xff, protocol);
        return {
          'hubble.protocol': protocol,
          'hubble.type': type,
          'hubble.subtype': subtype,
          'hubble.verdict': nameOf(VERDICTS, (packed >>> 4) & 0xf),
        };
      },
    );
    this.#tcpFlags = new PendingCounter(
      upstreamCounter(options, 'tcp_flags', '{flag}', 'TCP flag occurrences.', ['flag', 'family']),
      shared,
      (p) => ({ 'hubble.flag': nameOf(FLAG_NAMES, p & 3), 'hubble.family': nameOf(IP_VERSIONS, p >>> 2) }),
    );
    this.#ports = new PendingCounter(
      upstreamCounter(options, 'port_distribution', '{flow}', 'Numbers of packets distributed by destination port.', [
        'protocol',
        'port',
      ]),
      shared,
      (p) => ({ 'hubble.protocol': nameOf(L4_PROTOCOLS, p >>> 16), 'hubble.port': String(p & 0xffff) }),
    );
    this.#icmp = new PendingCounter(
      upstreamCounter(options, 'icmp', '{message}', 'Number of ICMP messages.', ['family', 'type']),
      shared,
      (p) => ({
        'hubble.family': p >>> 16 === PROTOCOL.ICMPv4 ? 'IPv4' : 'IPv6',
        'hubble.type': icmpName(p >>> 16 === PROTOCOL.ICMPv4, (p >>> 8) & 0xff, p & 0xff),
      }),
    );
    this.#sctp = new PendingCounter(
      upstreamCounter(options, 'sctp_chunk_types', '{chunk}', 'SCTP chunk type occurrences.', ['chunk_type', 'family']),
      shared,
      (p) => ({ 'hubble.chunk_type': nameOf(SCTP_CHUNKS, p >>> 2), 'hubble.family': nameOf(IP_VERSIONS, p & 3) }),
    );
    const { flows_to_world: asked } = options.upstream;
    const port = asked.includes('port');
    this.#toWorld = { anyDrop: asked.includes('any-drop'), port, synOnly: asked.includes('syn-only') };
    this.#world = new PendingCounter(
      upstreamCounter(options, 'flows_to_world', '{flow}', 'Total number of flows to reserved:world.', [
        'protocol',
        'verdict',
        ...(port ? ['port'] : []),
      ]),
      shared,
      (p) => ({
        'hubble.protocol': protocolName(p & 0xf),
        'hubble.verdict': nameOf(VERDICTS, (p >>> 4) & 0xf),
        ...(port ? { 'hubble.port': p >>> 8 === NO_PORT ? '' : String(p >>> 8) } : {}),
      }),
    );
    this.metrics = [this.#flows, this.#tcpFlags, this.#ports, this.#icmp, this.#sctp, this.#world];
  }

  /** `protocol` is what {@link protocolOf} says. */
  flow(flow: Flow, context: number, protocol: number, weight: number): void {
    const isTrace = flow.eventType === EVENT.TRACE;
    const packed =
      ((isTrace ? flow.eventSubType & 0xff : 0) << 16) |
      ((flow.eventType & 0xff) << 8) |
      ((flow.verdict & 0xf) << 4) |
      protocol;
    this.#flows.add(context, packed, weight);
    if (flow.protocol === 0) return;
    const isForwarded = flow.verdict === VERDICT.FORWARDED || flow.verdict === VERDICT.REDIRECTED;
    if (flow.protocol === PROTOCOL.ICMPv4 || flow.protocol === PROTOCOL.ICMPv6) {
      const type = (flow.protocol << 16) | ((flow.icmpType & 0xff) << 8) | (flow.icmpCode & 0xff);
      this.#icmp.add(context, type, weight);
    }
    if (isForwarded && flow.hasTcpFlags) this.#countFlags(flow, context, weight);
    if (isForwarded && flow.protocol === PROTOCOL.SCTP && flow.sctpChunk !== 0) {
      this.#sctp.add(context, ((flow.sctpChunk & 0xff) << 2) | (flow.ipVersion & 3), weight);
    }
    if (isForwarded && flow.isReply === 1) {
      this.#ports.add(context, (flow.protocol << 16) | (flow.destinationPort & 0xffff), weight);
    }
    this.#countWorld(flow, context, protocol, weight);
  }

  #countFlags(flow: Flow, context: number, weight: number): void {
    const { tcpFlags } = flow;
    const family = (flow.ipVersion & 3) << 2;
    if ((tcpFlags & TCP_FLAG.FIN) !== 0) this.#tcpFlags.add(context, family | 0, weight);
    if ((tcpFlags & TCP_FLAG.SYN) !== 0) {
      this.#tcpFlags.add(context, family | ((tcpFlags & TCP_FLAG.ACK) !== 0 ? 2 : 1), weight);
    }
    if ((tcpFlags & TCP_FLAG.RST) !== 0) this.#tcpFlags.add(context, family | 3, weight);
  }

  #countWorld(flow: Flow, context: number, protocol: number, weight: number): void {
    let isWorld = this.#isWorld.get(flow.destination.id);
    if (isWorld === undefined) {
      isWorld = flow.destination.labels.some((label) => WORLD.has(label));
      if (this.#isWorld.size > 65_536) this.#isWorld.clear();
      this.#isWorld.set(flow.destination.id, isWorld);
    }
    if (!isWorld || flow.eventType === 0) return;
    const { anyDrop, port, synOnly } = this.#toWorld;
    const isDropped = flow.verdict === VERDICT.DROPPED;
    if (isDropped && !anyDrop && flow.dropReason !== POLICY_DENIED) return;
    if (!isDropped && flow.isReply === 2) return;
    const isSyn = flow.hasTcpFlags && (flow.tcpFlags & TCP_FLAG.SYN) !== 0;
    if (synOnly && (!isSyn || flow.isReply === 2)) return;
    const to = port ? (WITH_PORTS.has(flow.protocol) ? flow.destinationPort & 0xffff : NO_PORT) : 0;
    this.#world.add(context, (to << 8) | ((flow.verdict & 0xf) << 4) | protocol, weight);
  }
}

function eventNames(type: number, subType: number, protocol: string): readonly [string, string] {
  switch (type) {
    case EVENT.ACCESS_LOG:
      return ['L7', protocol === 'Unknown L7' ? '' : protocol];
    case EVENT.DROP:
      return ['Drop', ''];
    case EVENT.CAPTURE:
      return ['Capture', ''];
    case EVENT.TRACE:
      return ['Trace', OBSERVATION_POINTS[subType] ?? ''];
    case EVENT.POLICY_VERDICT:
      return ['PolicyVerdict', ''];
    default:
      return ['Unknown', String(type)];
  }
}
