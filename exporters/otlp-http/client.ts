import { asError, type ClientAuth, type Clock, type Logger, otlpToJson, type Signal } from 'bpflow/sdk';
import {
  type ClientTls,
  describeTlsError,
  type ExportRequest,
  type Pack,
  type PackedRequest,
  packer,
  type SendOutcome,
} from 'bpflow/transport';
import { Agents } from './agents.ts';
import type { OtlpHttpConfig } from './config.ts';
import { post } from './post.ts';
import { outcomeOf } from './status.ts';
import { shownUrl, signalUrl } from './urls.ts';

export interface HttpClientOptions {
  readonly config: OtlpHttpConfig;
  readonly tls: ClientTls;
  readonly auth: ClientAuth | undefined;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The requests of all signals over kept connections. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #agents: Agents;
  readonly #pack: Pack;
  readonly #headers: Readonly<Record<string, string>>;

  /** Throws StartError. Connects with the first request. */
  constructor(options: HttpClientOptions) {
    const { config, tls, userAgent, log } = options;
    const { level } = config.compression_params;
    this.#options = options;
    this.#agents = new Agents(config, tls, log);
    this.#pack = packer({ compression: config.compression, ...(level > 0 ? { level } : {}) });
    this.#headers = {
      'user-agent': userAgent,
      ...lowerCase(config.headers),
      'content-type': config.encoding === 'json' ? 'application/json' : 'application/x-protobuf',
      ...(config.compression === 'none' ? {} : { 'content-encoding': config.compression }),
    };
  }

  /** One attempt. Never rejects. */
  async send({ signal, parts }: ExportRequest, abort: AbortSignal): Promise<SendOutcome> {
    const { config, clock, auth } = this.#options;
    const url = signalUrl(config, signal)!;
    const shown = shownUrl(url);
    let body: PackedRequest;
    try {
      body = await this.#body(signal, parts);
    } catch (thrown) {
      return { kind: 'permanent', error: `the request cannot be written: ${asError(thrown).message}` };
    }
    const over = new AbortController();
    const timer = config.timeout > 0 ? clock.after(config.timeout, () => over.abort()) : undefined;
    try {
      const headers = auth === undefined ? this.#headers : { ...this.#headers, ...lowerCase(await auth.headers()) };
      const agent = this.#agents.for(url);
      const answer = await post(url, {
        agent,
        headers,
        body: body.bytes,
        abort: AbortSignal.any([abort, over.signal]),
      });
      const outcome = outcomeOf(answer, shown, Number(clock.now() / 1_000_000n));
      // Otherwise some of it may still be waiting in a socket.
      if (outcome.kind === 'sent') body.release();
      return outcome;
    } catch (thrown) {
      const why = over.signal.aborted ? 'context deadline exceeded (the timeout has passed)' : reasonOf(thrown);
      return { kind: 'retry', error: `failed to make an HTTP request: Post "${shown}": ${why}` };
    } finally {
      timer?.cancel();
    }
  }

  /** Closes all connections. Safe twice. */
  close(): void {
    this.#agents.close();
  }

  async #body(signal: Signal, parts: readonly Uint8Array[]): Promise<PackedRequest> {
    if (this.#options.config.encoding === 'proto') return this.#pack(parts);
    return this.#pack([otlpToJson(signal, parts.length === 1 ? parts[0]! : Buffer.concat(parts))]);
  }
}

/** Later ones replace earlier ones whatever their case. */
function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(reasonOf).join('; ');
  return describeTlsError(thrown);
}
