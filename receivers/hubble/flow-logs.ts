import {
  type AttributeValue,
  asError,
  type Consumer,
  type InstrumentationScope,
  type LogBatch,
  LogBuilder,
  PermanentError,
  type Scope,
} from 'bpflow/sdk';
import { key } from './definitions.ts';
import type { Endpoint } from './endpoint.ts';
import {
  DIRECTIONS,
  DNS_RCODES,
  dropReason,
  EVENT,
  FLOW_TYPES,
  nameOf,
  OBSERVATION_POINTS,
  PROTOCOLS,
  RECORD,
  VERDICT,
  VERDICTS,
} from './enums.ts';
import type { Flow } from './flow.ts';
import { policyMatch } from './flow-metrics.ts';
import type { FlowReader } from './flow-reader.ts';

/** INFO, WARN and ERROR. */
const SEVERITIES: Readonly<Record<number, readonly [number, string]>> = {
  [VERDICT.DROPPED]: [13, 'WARN'],
  [VERDICT.ERROR]: [17, 'ERROR'],
};
const INFO = [9, 'INFO'] as const;
const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS'] as const;

export interface FlowLogsOptions {
  readonly next: Consumer<LogBatch>;
  readonly scope: Scope;
  readonly reader: FlowReader;
  readonly instrumentation: InstrumentationScope;
  /** Records that may wait. */
  readonly limit: number;
  readonly sampleRate: number;
}

/** One log record for each flow. What nobody takes waits, up to a limit; then new records are dropped and counted. */
export class FlowLogs {
  dropped = 0;
  readonly #options: FlowLogsOptions;
  readonly #builder: LogBuilder;
  readonly #abort = new AbortController();
  /** Refused, to be offered again. */
  #held: LogBatch | undefined;
  #running: Promise<void> | undefined;

  constructor(options: FlowLogsOptions) {
    this.#options = options;
    this.#builder = new LogBuilder({ eventName: 'hubble.flow', scope: options.instrumentation });
  }

  get waiting(): number {
    return this.#builder.length + (this.#held?.length ?? 0);
  }

  add(flow: Flow): void {
    if (this.#builder.length >= this.#options.limit) {
      void this.flush();
      if (this.#builder.length >= this.#options.limit) {
        this.dropped++;
        return;
      }
    }
    const [severity, severityText] = SEVERITIES[flow.verdict] ?? INFO;
    const { reader, scope, sampleRate } = this.#options;
    const attributes = attributesOf(flow, reader);
    if (sampleRate > 1) attributes['hubble.sample_rate'] = sampleRate;
    const traceId = reader.text(flow.traceId);
    const time = BigInt(flow.seconds) * 1_000_000_000n + BigInt(flow.nanos);
    const now = scope.clock.now();
    this.#builder.add({
      time: time > 0n ? BigInt.asUintN(63, time) : now,
      observedTime: now,
      severity,
      severityText,
      body: summary(flow, reader),
      attributes,
      ...(/^[0-9a-f]{32}$/i.test(traceId) ? { traceId } : {}),
    });
  }

  /** Hands on what waits. Never rejects. */
  flush(): Promise<void> {
    this.#running ??= this.#flush().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Hands on what waits for the last time; what is refused is dropped. */
  async stop(): Promise<void> {
    await this.#running;
    await this.#flush();
    this.dropped += this.waiting;
    this.#held = undefined;
    this.#abort.abort();
  }

  async #flush(): Promise<void> {
    const { next, scope } = this.#options;
    for (;;) {
      if (next.refusal() !== undefined) return;
      const batch = this.#held ?? this.#builder.take();
      if (batch === undefined) return;
      this.#held = undefined;
      try {
        const accepted = next.consume(batch, this.#abort.signal);
        if (accepted instanceof Promise) await accepted;
      } catch (error) {
        if (!(error instanceof PermanentError)) {
          this.#held = batch;
          return;
        }
        this.dropped += batch.length;
        scope.log.error('Records of Hubble flows were refused for good and are lost.', {
          error: asError(error).message,
          dropped: batch.length,
        });
      }
    }
  }
}

function attributesOf(flow: Flow, reader: FlowReader): Record<string, AttributeValue> {
  const { words, names } = reader;
  const attributes: Record<string, AttributeValue> = {
    'hubble.verdict': nameOf(VERDICTS, flow.verdict),
    'hubble.flow.type': nameOf(FLOW_TYPES, flow.type),
    'hubble.direction': nameOf(DIRECTIONS, flow.direction),
  };
  const set = (name: string, value: string): void => {
    if (value !== '') attributes[name] = value;
  };
  set('k8s.node.name', words.text(flow.nodeName));
  if (flow.isReply !== 0) attributes['hubble.is_reply'] = flow.isReply === 2;
  set('source.address', reader.text(flow.sourceIp));
  set('destination.address', reader.text(flow.destinationIp));
  if (flow.sourcePort > 0) attributes['source.port'] = flow.sourcePort;
  if (flow.destinationPort > 0) attributes['destination.port'] = flow.destinationPort;
  if (flow.protocol !== 0) attributes['network.protocol'] = nameOf(PROTOCOLS, flow.protocol);
  if (flow.hasTcpFlags) attributes['network.tcp.flags'] = flagNames(flow.tcpFlags);
  setEndpoint(attributes, 'source', flow.source);
  setEndpoint(attributes, 'destination', flow.destination);
  set('hubble.source.names', names.text(flow.sourceNames));
  set('hubble.destination.names', names.text(flow.destinationNames));
  set('hubble.source.service', serviceOf(words.text(flow.sourceService), words.text(flow.sourceServiceNamespace)));
  set(
    'hubble.destination.service',
    serviceOf(words.text(flow.destinationService), words.text(flow.destinationServiceNamespace)),
  );
  switch (flow.eventType) {
    case EVENT.DROP:
      attributes['hubble.event'] = 'drop';
      attributes[key('reason')] = dropReason(flow.dropReason);
      break;
    case EVENT.TRACE:
      attributes['hubble.event'] = nameOf(OBSERVATION_POINTS, flow.eventSubType);
      break;
    case EVENT.POLICY_VERDICT:
      attributes['hubble.event'] = 'policy-verdict';
      attributes[key('match')] = policyMatch(flow.policyMatch);
      break;
    default:
  }
  setRecord(attributes, flow, reader);
  return attributes;
}

function setEndpoint(attributes: Record<string, AttributeValue>, side: string, endpoint: Endpoint): void {
  const { namespace, pod, workload, workloadKind, identity, reserved, cluster } = endpoint;
  if (namespace !== '') attributes[`hubble.${side}.namespace`] = namespace;
  if (pod !== '') attributes[`hubble.${side}.pod`] = pod;
  if (workload !== '') {
    attributes[`hubble.${side}.workload`] = workload;
    attributes[`hubble.${side}.workload_kind`] = workloadKind;
  }
  if (cluster !== '') attributes[`hubble.${side}.cluster`] = cluster;
  if (identity > 0) attributes[`hubble.${side}.identity`] = identity;
  if (reserved !== '') attributes[`hubble.${side}.reserved`] = reserved.slice('reserved:'.length);
}

function setRecord(attributes: Record<string, AttributeValue>, flow: Flow, reader: FlowReader): void {
  const { words } = reader;
  if (flow.record === RECORD.NONE) return;
  attributes['hubble.l7.type'] = flow.l7Type === 1 ? 'REQUEST' : flow.l7Type === 2 ? 'RESPONSE' : String(flow.l7Type);
  if (flow.latency > 0) attributes['hubble.l7.latency_ns'] = flow.latency;
  switch (flow.record) {
    case RECORD.HTTP:
      attributes[key('method')] = words.text(flow.httpMethod);
      attributes['url.full'] = reader.text(flow.httpUrl);
      attributes['http.protocol'] = words.text(flow.httpProtocol);
      if (flow.httpCode > 0) attributes[key('status')] = flow.httpCode;
      if (flow.grpcStatus >= 0) attributes[key('grpc_status')] = flow.grpcStatus;
      break;
    case RECORD.DNS:
      attributes[key('query')] = reader.text(flow.dnsQuery);
      attributes[key('qtype')] = words.text(flow.dnsQtypes);
      if (flow.l7Type === 2) attributes[key('rcode')] = nameOf(DNS_RCODES, flow.dnsRcode);
      break;
    case RECORD.KAFKA:
      attributes[key('api_key')] = words.text(flow.kafkaApiKey);
      attributes[key('topic')] = words.text(flow.kafkaTopic);
      if (flow.l7Type === 2) attributes[key('error_code')] = flow.kafkaError;
      break;
    default:
  }
}

function serviceOf(name: string, namespace: string): string {
  return name !== '' && namespace !== '' ? `${namespace}/${name}` : name;
}

function flagNames(flags: number): string {
  return FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join(', ');
}

/** `shop/frontend-1:40000 -> shop/cart-2:8080 TCP FORWARDED (SYN)`. */
function summary(flow: Flow, reader: FlowReader): string {
  const end = (endpoint: Endpoint, ip: string, port: number): string => {
    const name = endpoint.pod === '' ? ip : `${endpoint.namespace}/${endpoint.pod}`;
    return port > 0 ? `${name}:${port}` : name;
  };
  const from = end(flow.source, reader.text(flow.sourceIp), flow.sourcePort);
  const to = end(flow.destination, reader.text(flow.destinationIp), flow.destinationPort);
  return `${from} -> ${to} ${nameOf(PROTOCOLS, flow.protocol)} ${nameOf(VERDICTS, flow.verdict)}${detail(flow, reader)}`;
}

function detail(flow: Flow, reader: FlowReader): string {
  const { words } = reader;
  if (flow.eventType === EVENT.DROP) return ` (${dropReason(flow.dropReason)})`;
  switch (flow.record) {
    case RECORD.HTTP: {
      const code = flow.httpCode > 0 ? ` ${flow.httpCode}` : '';
      return ` (${words.text(flow.httpProtocol)} ${words.text(flow.httpMethod)} ${reader.text(flow.httpUrl)}${code})`;
    }
    case RECORD.DNS: {
      const answer = flow.l7Type === 2 ? ` ${nameOf(DNS_RCODES, flow.dnsRcode)}` : '';
      return ` (DNS ${words.text(flow.dnsQtypes)} ${reader.text(flow.dnsQuery)}${answer})`;
    }
    case RECORD.KAFKA:
      return ` (Kafka ${words.text(flow.kafkaApiKey)} ${words.text(flow.kafkaTopic)})`;
    default:
      return flow.hasTcpFlags && flow.tcpFlags !== 0 ? ` (${flagNames(flow.tcpFlags)})` : '';
  }
}
