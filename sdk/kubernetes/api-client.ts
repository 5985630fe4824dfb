import { type IncomingMessage, Agent as PlainAgent, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { createGunzip } from 'node:zlib';
import { asError } from '../errors.ts';
import type { Clock, Logger } from '../scope.ts';
import { type ClientTls, describeTlsError, openClientTls } from '../transport/tls.ts';
import type { ApiAccess } from './access.ts';
import { ApiError, errorOfStatus } from './api-error.ts';
import { type Encoding, encodingOf, readStatus } from './encoding.ts';
import { Scratch } from './scratch.ts';

/** Until the head of an answer is there, and between two pieces of the body of one that is no watch. */
const PATIENCE_MS = 30_000;
/** A page of 100 pods has some 1 MiB, what a kubelet has at most some more. */
const MAX_BODY = 64 * 1024 * 1024;
const MAX_STATUS = 64 * 1024;
/** Dead peers are noticed by TCP after this and some probes. */
const KEEP_ALIVE_MS = 30_000;

export interface ApiRequest {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept: string;
  /** Whether a small answer is worth the server's time. */
  readonly gzip?: boolean;
  readonly signal: AbortSignal;
}

export interface ApiResponse {
  readonly encoding: Encoding;
  /** Not read yet. To be destroyed by who does not read it to its end. */
  readonly body: IncomingMessage;
}

export interface ApiClientOptions {
  readonly log: Logger;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** Sends requests to one API server. Every failure is an ApiError. */
export class ApiClient {
  readonly #access: ApiAccess;
  readonly #options: ApiClientOptions;
  readonly #tls: ClientTls;
  #agent: PlainAgent | SecureAgent;
  #tlsVersion = 0;

  /** Reads the files of TLS; throws StartError. */
  constructor(access: ApiAccess, options: ApiClientOptions) {
    this.#access = access;
    this.#options = options;
    this.#tls = openClientTls(access.tls, options);
    this.#agent = this.#newAgent();
  }

  /** Resolves when the head of a good answer is there. */
  async open({ path, query = {}, accept, gzip = false, signal }: ApiRequest): Promise<ApiResponse> {
    const { endpoint } = this.#access;
    const search = new URLSearchParams(query).toString();
    const response = await this.#send({
      agent: this.#currentAgent(),
      host: endpoint.hostname.replace(/^\[|\]$/g, ''),
      port: endpoint.port === '' ? (this.#secure ? 443 : 80) : Number(endpoint.port),
      path: `${endpoint.pathname.replace(/\/$/, '')}${path}${search === '' ? '' : `?${search}`}`,
      headers: {
        accept,
        'user-agent': this.#options.userAgent,
        'accept-encoding': gzip ? 'gzip' : 'identity',
        ...this.#credentials(),
      },
      signal,
    });
    const contentType = response.headers['content-type'] ?? '';
    const code = response.statusCode ?? 0;
    if (code !== 200) {
      const body = await this.#read(response, MAX_STATUS).catch(() => Buffer.alloc(0));
      throw errorOfStatus(code, readStatus(contentType, body), Number(response.headers['retry-after'] ?? 0) || 0);
    }
    const encoding = encodingOf(contentType);
    if (encoding !== undefined) return { encoding, body: response };
    response.destroy();
    throw new ApiError('malformed', `The answer is of type ${contentType || 'unknown'}. Is this an API server?`);
  }

  /** The whole answer, in the scratch. */
  async get(
    request: ApiRequest,
    scratch = new Scratch(),
  ): Promise<{ readonly encoding: Encoding; readonly bytes: Buffer }> {
    const { encoding, body } = await this.open(request);
    return { encoding, bytes: await this.#read(body, MAX_BODY, scratch) };
  }

  /** Ends what is open. Safe twice. */
  close(): void {
    this.#agent.destroy();
    this.#tls.close();
  }

  get #secure(): boolean {
    return this.#access.endpoint.protocol === 'https:';
  }

  #credentials(): Readonly<Record<string, string>> {
    try {
      return this.#access.headers();
    } catch (error) {
      throw new ApiError('token', asError(error).message, { cause: error });
    }
  }

  /** Connections made before the files of TLS changed end with what they are at, and are not used again. */
  #currentAgent(): PlainAgent | SecureAgent {
    if (this.#tls.changed !== this.#tlsVersion) {
      this.#tlsVersion = this.#tls.changed;
      this.#agent.maxFreeSockets = 0;
      for (const idle of Object.values(this.#agent.freeSockets).flat()) idle?.destroy();
      this.#agent = this.#newAgent();
    }
    return this.#agent;
  }

  #newAgent(): PlainAgent | SecureAgent {
    const settings = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxFreeSockets: 2 };
    return this.#secure ? new SecureAgent(settings) : new PlainAgent(settings);
  }

  async #send(options: RequestOptions): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = this.#secure ? secureRequest({ ...this.#tls.connectOptions(), ...options }) : plainRequest(options);
    const late = this.#options.clock.after(PATIENCE_MS, () =>
      request.destroy(new ApiError('silent', `No answer within ${PATIENCE_MS / 1000} s.`)),
    );
    request.on('response', resolve);
    request.on('error', (error) => reject(connectionError(error)));
    request.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
    request.end();
    try {
      return await promise;
    } finally {
      late.cancel();
    }
  }

  async #read(response: IncomingMessage, limit: number, scratch = new Scratch()): Promise<Buffer> {
    scratch.clear();
    const fail = () => response.destroy(new ApiError('silent', 'The answer did not go on.'));
    let late = this.#options.clock.after(PATIENCE_MS, fail);
    const body = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response;
    response.on('error', (error) => body.destroy(error));
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        late.cancel();
        late = this.#options.clock.after(PATIENCE_MS, fail);
        scratch.add(chunk);
        if (scratch.length > limit) throw new ApiError('too_large', `The answer has more than ${limit} bytes.`);
      }
    } catch (error) {
      throw connectionError(asError(error));
    } finally {
      late.cancel();
      if (!response.complete) response.destroy();
    }
    return scratch.from();
  }
}

/** What ended a connection, as an ApiError. */
export function connectionError(error: Error): ApiError {
  if (error instanceof ApiError) return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  // What came has the form of the API, and something else in it.
  if (code === '' && (error instanceof TypeError || error instanceof RangeError)) {
    return new ApiError('malformed', `The answer cannot be read: ${error.message}`, { cause: error });
  }
  const isTls = /^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_|EPROTO)/.test(code);
  return isTls
    ? new ApiError('tls', describeTlsError(error), { cause: error })
    : new ApiError('connection', error.message || code || 'The connection was lost.', { cause: error });
}
