import type { Client, ClientOptions, Metadata, ServiceError } from '@grpc/grpc-js';
import { asError } from 'bpflow/sdk';
import type { ClientTls } from 'bpflow/transport';
import { readServerStatus, type ServerStatus } from './messages.ts';

type Grpc = typeof import('@grpc/grpc-js');

const GET_FLOWS = '/observer.Observer/GetFlows';
const SERVER_STATUS = '/observer.Observer/ServerStatus';

/** Flows have about 800 bytes; headers and names of hostile pods make some larger. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
/** What the server may send before it is read. */
const WINDOW_BYTES = 4 * 1024 * 1024;
const DEADLINE_MS = 10_000;

export interface ClientSettings {
  readonly target: string;
  readonly tls: ClientTls | undefined;
  /** Name that the server's certificate must have; undefined for the host of the target. */
  readonly serverName: string | undefined;
  readonly userAgent: string;
}

export interface FlowStream {
  /** Ends it; nothing comes after that. */
  cancel(): void;
}

export interface StreamEvents {
  /** What the server says of itself before anything else. */
  opened(versions: { readonly agent: string; readonly relay: string }): void;
  /** One message as it came. Valid during the call. */
  message(bytes: Buffer): void;
  /** It is over: undefined when the server ended it in order. */
  ended(error: ServiceError | undefined): void;
}

/** A connection to an observer: a relay's or an agent's own. Made anew for each attempt, so that TLS files count as they are then. */
export class ObserverClient {
  readonly #grpc: Grpc;
  readonly #client: Client;

  private constructor(grpc: Grpc, client: Client) {
    this.#grpc = grpc;
    this.#client = client;
  }

  /** Connects with the first call, not now. */
  static async open({ target, tls, serverName, userAgent }: ClientSettings): Promise<ObserverClient> {
    const grpc = await import('@grpc/grpc-js');
    const options: ClientOptions = {
      'grpc.primary_user_agent': userAgent,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc-node.flow_control_window': WINDOW_BYTES,
      'grpc.service_config_disable_resolution': 1,
      // Otherwise receivers of one server would share a connection, with the settings of the first.
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      ...(serverName === undefined
        ? {}
        : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }),
    };
    return new ObserverClient(grpc, new grpc.Client(target, credentialsOf(grpc, tls), options));
  }

  /** Rejects with ServiceError or WireError. */
  status(): Promise<ServerStatus> {
    const { promise, resolve, reject } = Promise.withResolvers<ServerStatus>();
    this.#client.makeUnaryRequest(
      SERVER_STATUS,
      asIs,
      asIs,
      Buffer.alloc(0),
      new this.#grpc.Metadata(),
      { deadline: Date.now() + DEADLINE_MS },
      (error: ServiceError | null, response?: Buffer) => {
        if (error !== null || response === undefined) {
          reject(error ?? new Error('no answer'));
          return;
        }
        try {
          resolve(readServerStatus(response));
        } catch (thrown) {
          reject(asError(thrown));
        }
      },
    );
    return promise;
  }

  /** Opens the stream of flows. The events come later, never during the call. */
  flows(request: Uint8Array, events: StreamEvents): FlowStream {
    let over = false;
    const end = (error: ServiceError | undefined): void => {
      if (over) return;
      over = true;
      events.ended(error);
    };
    const call = this.#client.makeServerStreamRequest<Buffer, Buffer>(
      GET_FLOWS,
      asIs,
      asIs,
      Buffer.from(request),
      new this.#grpc.Metadata(),
    );
    call.on('metadata', (metadata: Metadata) => {
      if (!over)
        events.opened({
          agent: header(metadata, 'hubble-server-version'),
          relay: header(metadata, 'hubble-relay-version'),
        });
    });
    call.on('data', (message: Buffer) => {
      if (!over) events.message(message);
    });
    call.on('error', (error: ServiceError) => end(error));
    call.on('end', () => end(undefined));
    return {
      cancel() {
        over = true;
        call.cancel();
      },
    };
  }

  /** Cancels what runs. Safe twice. */
  close(): void {
    this.#client.close();
  }
}

function header(metadata: Metadata, name: string): string {
  const [value] = metadata.get(name);
  return value === undefined ? '' : String(value).slice(0, 64);
}

function credentialsOf({ credentials }: Grpc, tls: ClientTls | undefined) {
  if (tls === undefined || tls.insecure) return credentials.createInsecure();
  const { secureContext, rejectUnauthorized, checkServerIdentity } = tls.connectOptions();
  return credentials.createFromSecureContext(secureContext, {
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
    ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
  });
}

function asIs(message: Buffer): Buffer {
  return message;
}
