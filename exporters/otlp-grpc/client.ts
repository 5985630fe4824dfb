import type { Client, ClientOptions, Metadata, ServiceError } from '@grpc/grpc-js';
import { type ClientAuth, EXPORT_CALLS, StartError } from 'bpflow/sdk';
import {
  type ClientTls,
  type ExportRequest,
  noAddressAsName,
  type Pack,
  packer,
  partialSuccess,
  type SendOutcome,
} from 'bpflow/transport';
import type { OtlpGrpcConfig } from './config.ts';
import { grpcTarget } from './endpoint.ts';
import { FRAME_BYTES, useOwnFrames, writeFrame } from './own-frames.ts';
import { outcomeOf } from './status.ts';

type Grpc = typeof import('@grpc/grpc-js');

export interface GrpcClientOptions {
  readonly config: OtlpGrpcConfig;
  readonly tls: ClientTls;
  readonly auth: ClientAuth | undefined;
  readonly userAgent: string;
}

/** The connection: one channel to all addresses of the endpoint, made anew when the TLS files have changed. */
export class GrpcClient {
  readonly #grpc: Grpc;
  readonly #options: GrpcClientOptions;
  readonly #target: string;
  readonly #pack: Pack;
  /** Whether messages go out as they are framed here. */
  #framed = true;
  #client: Client;
  #changed: number;

  private constructor(grpc: Grpc, options: GrpcClientOptions) {
    const { config, tls } = options;
    this.#grpc = grpc;
    this.#options = options;
    this.#target = grpcTarget(config.endpoint).target;
    const compression = config.compression === 'snappy' ? 'x-snappy-framed' : config.compression;
    this.#pack = packer({ compression, headroom: FRAME_BYTES });
    this.#changed = tls.changed;
    this.#client = this.#connect();
  }

  /** Connects with the first request, not now. */
  static async open(options: GrpcClientOptions): Promise<GrpcClient> {
    return new GrpcClient(await import('@grpc/grpc-js'), options);
  }

  /** One attempt. Never rejects. */
  async send({ signal, parts }: ExportRequest, abort: AbortSignal): Promise<SendOutcome> {
    const { timeout } = this.#options.config;
    const deadline = timeout > 0 ? Date.now() + timeout : Number.POSITIVE_INFINITY;
    let metadata: Metadata;
    try {
      metadata = await this.#metadata();
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown.message : String(thrown);
      return { kind: 'permanent', error: `rpc error: code = Unauthenticated desc = transport: ${error}` };
    }
    const packed = await this.#pack(parts);
    if (this.#options.tls.changed !== this.#changed) this.#reconnect();
    writeFrame(packed.bytes, this.#options.config.compression !== 'none');
    const message = this.#framed ? packed.bytes : packed.bytes.subarray(FRAME_BYTES);
    const outcome = await this.#call(EXPORT_CALLS[signal].method, message, metadata, deadline, abort);
    // Otherwise some of it may still be waiting in a stream.
    if (outcome.kind === 'sent') packed.release();
    return outcome;
  }

  /** Lets running calls end. Safe twice. */
  close(): void {
    this.#client.close();
  }

  #call(
    method: string,
    message: Buffer,
    metadata: Metadata,
    deadline: number,
    abort: AbortSignal,
  ): Promise<SendOutcome> {
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    const answered = (error: ServiceError | null, response?: Buffer): void => {
      abort.removeEventListener('abort', cancel);
      if (error !== null) {
        resolve(outcomeOf(error, this.#hint(error)));
        return;
      }
      const rejected = response === undefined ? undefined : partialSuccess(response);
      resolve({ kind: 'sent', ...(rejected === undefined ? {} : { rejected }) });
    };
    const call = this.#client.makeUnaryRequest<Buffer, Buffer>(
      method,
      asIs,
      asIs,
      message,
      metadata,
      { deadline },
      answered,
    );
    const cancel = (): void => call.cancel();
    if (abort.aborted) cancel();
    else abort.addEventListener('abort', cancel, { once: true });
    return promise;
  }

  async #metadata(): Promise<Metadata> {
    const { config, auth } = this.#options;
    const metadata = new this.#grpc.Metadata({ waitForReady: config.wait_for_ready });
    const credentials = auth === undefined ? {} : await auth.headers();
    for (const [name, value] of Object.entries({ ...config.headers, ...credentials })) {
      const isBinary = name.toLowerCase().endsWith('-bin');
      try {
        metadata.set(name, isBinary ? Buffer.from(value, 'base64') : value);
      } catch {
        // grpc-js quotes the value, which is a secret.
        throw new Error(
          `the header ${JSON.stringify(name)} cannot be sent: its name or its value has characters that no header may have; is there a line break at its end?`,
        );
      }
    }
    return metadata;
  }

  #reconnect(): void {
    const before = this.#client;
    this.#changed = this.#options.tls.changed;
    this.#client = this.#connect();
    before.close();
  }

  #connect(): Client {
    const { config } = this.#options;
    const credentials = this.#credentials();
    const options = channelOptions(this.#options);
    const client = new this.#grpc.Client(this.#target, credentials, options);
    this.#framed = useOwnFrames(client, config.compression === 'none' ? undefined : config.compression);
    if (!this.#framed && config.compression !== 'none') {
      client.close();
      throw new StartError(
        'Requests cannot be compressed with this version of @grpc/grpc-js; set compression: none, or use 1.14.',
      );
    }
    return client;
  }

  #credentials() {
    const { credentials } = this.#grpc;
    const { tls } = this.#options;
    if (tls.insecure) return credentials.createInsecure();
    const { secureContext, rejectUnauthorized, checkServerIdentity } = tls.connectOptions();
    const secure = credentials.createFromSecureContext(secureContext, {
      ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
      ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
    });
    return noAddressAsName(secure);
  }

  #hint(error: ServiceError): string {
    if (error.code !== this.#grpc.status.UNIMPLEMENTED || this.#options.config.compression === 'none') return '';
    return ` (requests are compressed with ${this.#options.config.compression}, which not every server takes)`;
  }
}

function channelOptions({ config, userAgent, tls }: GrpcClientOptions): ClientOptions {
  const { keepalive } = config;
  const name = tls.insecure ? undefined : config.tls?.server_name_override;
  return {
    'grpc.primary_user_agent': userAgent,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ [config.balancer_name]: {} }] }),
    // A TXT record of the endpoint's domain shall not decide how data is sent.
    'grpc.service_config_disable_resolution': 1,
    // Otherwise two exporters to one endpoint would share a connection, with the settings of the first.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_MS,
    ...(config.authority === undefined ? {} : { 'grpc.default_authority': config.authority }),
    ...(name === undefined ? {} : { 'grpc.ssl_target_name_override': name }),
    ...(keepalive === null
      ? {}
      : {
          'grpc.keepalive_time_ms': Math.max(MIN_KEEPALIVE_MS, keepalive.time),
          'grpc.keepalive_timeout_ms': keepalive.timeout,
          'grpc.keepalive_permit_without_calls': keepalive.permit_without_stream ? 1 : 0,
        }),
  };
}

/** As in grpc-go, which asks no more often whatever is configured. */
const MIN_KEEPALIVE_MS = 10_000;
/** Shorter than the longest wait between two attempts, so that none of them meets a channel that does not even try. */
const MAX_RECONNECT_MS = 10_000;

function asIs(message: Buffer): Buffer {
  return message;
}
