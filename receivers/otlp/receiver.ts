import { type Outlets, type Receiver, type Scope, SERVER_AUTH, type ServerAuth } from 'bpflow/sdk';
import {
  ByteBudget,
  GrpcServer,
  grpcCodeName,
  grpcKeepalive,
  HttpServer,
  httpLimits,
  Inflater,
  type ListenAddress,
  maxBodyBytes,
  openServerTls,
  parseListenAddress,
  type ServerTls,
  type TlsServerSettings,
  type Transport,
} from 'bpflow/transport';
import type { GrpcProtocol, HttpProtocol, OtlpConfig } from './config.ts';
import { otlpMethods } from './grpc.ts';
import { OtlpHttp } from './http.ts';
import { Intake } from './intake.ts';

const MIB = 1024 * 1024;
const DEFAULT_MESSAGE_MIB = 4;
/** Memory for requests under way. */
const BUFFERED = { requests: 8, atLeastRequests: 2, atLeastBytes: 64 * MIB, shareOfContainer: 1 / 4 };
/** What stop() leaves to requests under way. */
const DRAIN_MS = 5000;
const CODINGS = ['', 'gzip', 'zstd', 'zlib', 'deflate', 'snappy', 'x-snappy-framed'];

/** One protocol that listens. */
interface Listener {
  readonly protocol: 'gRPC' | 'HTTP';
  /** Resolves to the address. */
  start(): Promise<string>;
  stop(): Promise<void>;
  view(): object;
}

/** Listens for OTLP, and hands on what comes: a request is answered when what follows has accepted it. */
export function createOtlpReceiver(config: OtlpConfig, scope: Scope, next: Outlets): Receiver {
  const { protocols } = config;
  const intake = new Intake(next, scope.log);
  const maxMessage = Math.max(
    protocols.grpc === undefined ? 0 : messageBytes(protocols.grpc),
    protocols.http === undefined ? 0 : maxBodyBytes(protocols.http),
  );
  const shared: Shared = {
    scope,
    intake,
    budget: new ByteBudget(bufferedBytes(maxMessage), scope.clock),
    requests: scope.meter.createCounter('bpflow_otlp_receiver_requests', {
      description: 'Requests by protocol and answer.',
    }),
  };
  const listeners: Listener[] = [];
  const addresses = new Map<Listener, string>();
  scope.inspect('listeners', () => ({
    bufferedBytes: shared.budget.used,
    bufferedBytesPeak: shared.budget.peak,
    bufferedBytesLimit: shared.budget.limit,
    listeners: listeners.map((listener) => ({
      protocol: listener.protocol,
      address: addresses.get(listener),
      ...listener.view(),
    })),
  }));
  scope.meter
    .createObservableGauge('bpflow_otlp_receiver_buffered_bytes', {
      description: 'Memory of requests that are being received or handled.',
      unit: 'By',
    })
    .addCallback((result) => result.observe(shared.budget.used, { receiver: scope.id.toString() }));
  const stop = async (): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.stop()));
  };
  return {
    async start() {
      try {
        if (protocols.grpc !== undefined) listeners.push(grpcListener(protocols.grpc, shared));
        if (protocols.http !== undefined) listeners.push(httpListener(protocols.http, shared));
        for (const listener of listeners) addresses.set(listener, await listener.start());
      } catch (error) {
        await stop();
        throw error;
      }
      const places = listeners.map((listener) => `${addresses.get(listener)} (${listener.protocol})`);
      scope.health({ state: 'ok', summary: `Takes OTLP at ${places.join(' and ')}.` });
    },
    stop,
  };
}

interface Shared {
  readonly scope: Scope;
  readonly intake: Intake;
  readonly budget: ByteBudget;
  readonly requests: ReturnType<Scope['meter']['createCounter']>;
}

function grpcListener(config: GrpcProtocol, { scope, intake, budget, requests }: Shared): Listener {
  const receiver = scope.id.toString();
  const auth = authOf(config.auth?.authenticator, scope);
  const tls = openTls(config.tls, scope);
  const answers = new Map<string, number>();
  const closed = new Map<string, number>();
  const server = new GrpcServer({
    address: addressOf(config),
    transport: config.transport,
    methods: otlpMethods(intake, config.include_metadata),
    tls,
    auth,
    keepalive: grpcKeepalive(config.keepalive),
    maxMessageBytes: messageBytes(config),
    maxConcurrentStreams: config.max_concurrent_streams,
    budget,
    clock: scope.clock,
    log: scope.log,
    answered(code) {
      const name = grpcCodeName(code);
      add(answers, name);
      requests.add(1, { receiver, transport: 'grpc', code: name });
    },
    closed: (reason) => add(closed, reason),
  });
  return {
    protocol: 'gRPC',
    start: () => server.start(),
    async stop() {
      await server.stop(DRAIN_MS);
      tls?.close();
    },
    view: () => ({
      ...server.state,
      requests: Object.fromEntries(answers),
      closed: Object.fromEntries(closed),
      ...(tls === undefined ? {} : { certificate: tls.certificate }),
    }),
  };
}

function httpListener(config: HttpProtocol, { scope, intake, budget, requests }: Shared): Listener {
  const receiver = scope.id.toString();
  const auth = authOf(config.auth?.authenticator, scope);
  const tls = openTls(config.tls, scope);
  const answers = new Map<string, number>();
  const wanted = config.compression_algorithms ?? CODINGS;
  const unsupported = wanted.filter((name) => !CODINGS.includes(name));
  if (unsupported.length > 0) {
    scope.log.warn('Some compression_algorithms are not supported; requests with them are refused.', { unsupported });
  }
  if (config.cors && config.cors.allowed_origins.length === 0 && config.cors.allowed_headers.length > 0) {
    scope.log.warn('The cors settings have allowed_headers but no allowed_origins, and have no effect.');
  }
  const otlp = new OtlpHttp({
    config,
    intake,
    auth,
    body: {
      maxBytes: maxBodyBytes(config),
      budget,
      inflater: new Inflater(budget, maxBodyBytes(config)),
      codings: new Set(wanted.filter((name) => CODINGS.includes(name))),
    },
    answered(status) {
      add(answers, String(status));
      requests.add(1, { receiver, transport: 'http', code: String(status) });
    },
  });
  const server = new HttpServer({
    address: addressOf(config),
    transport: config.transport,
    tls,
    limits: httpLimits(config),
    maxDroppedBytes: maxBodyBytes(config),
    log: scope.log,
    handle: (request, response) => otlp.handle(request, response),
  });
  return {
    protocol: 'HTTP',
    start: () => server.start(),
    async stop() {
      await server.stop(DRAIN_MS);
      tls?.close();
    },
    view: () => ({
      connections: server.connections,
      requests: Object.fromEntries(answers),
      ...(tls === undefined ? {} : { certificate: tls.certificate }),
    }),
  };
}

/** Eight of the largest requests, or 64 MiB if that is more; at most a quarter of the container's memory, but two of them in any case. */
function bufferedBytes(largest: number): number {
  const wanted = Math.max(BUFFERED.atLeastBytes, BUFFERED.requests * largest);
  // 0 or undefined where there is no limit, or a number beyond all memory.
  const container = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.max(BUFFERED.atLeastRequests * largest, Math.min(wanted, container * BUFFERED.shareOfContainer));
}

function messageBytes({ max_recv_msg_size_mib }: GrpcProtocol): number {
  return (max_recv_msg_size_mib || DEFAULT_MESSAGE_MIB) * MIB;
}

function addressOf(config: { readonly endpoint: string; readonly transport: Transport }): ListenAddress {
  const address = parseListenAddress(config.endpoint, config.transport);
  if (address instanceof Error) throw address;
  return address;
}

function openTls(settings: TlsServerSettings | undefined, scope: Scope): ServerTls | undefined {
  return settings === undefined ? undefined : openServerTls(settings, scope);
}

function authOf(extension: string | undefined, scope: Scope): ServerAuth | undefined {
  return extension === undefined ? undefined : scope.get(SERVER_AUTH, extension);
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
