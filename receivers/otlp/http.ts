import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  AuthError,
  asError,
  OtlpJsonError,
  otlpFromJson,
  type RequestHeaders,
  type ServerAuth,
  SIGNALS,
  type Signal,
} from 'bpflow/sdk';
import { answerCors, type BodyLimits, GrpcError, HttpError, readBody } from 'bpflow/transport';
import type { HttpProtocol } from './config.ts';
import { accepted, type Encoding, failed, httpStatus, plain } from './http-answers.ts';
import { type Intake, UndecodableError } from './intake.ts';

export interface OtlpHttpOptions {
  readonly config: HttpProtocol;
  readonly intake: Intake;
  readonly auth: ServerAuth | undefined;
  readonly body: BodyLimits;
  /** Called for each answer with its status. */
  readonly answered: (status: number) => void;
}

const PROFILES = '/v1development/profiles';

/** Answers OTLP over HTTP, in the Collector's words. */
export class OtlpHttp {
  readonly #options: OtlpHttpOptions;
  readonly #signals: ReadonlyMap<string, Signal>;

  constructor(options: OtlpHttpOptions) {
    this.#options = options;
    const { config, intake } = options;
    this.#signals = new Map(
      SIGNALS.filter((signal) => intake.takes(signal)).map((signal) => [config[`${signal}_url_path`], signal]),
    );
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { config, answered } = this.#options;
    response.once('finish', () => answered(response.statusCode));
    for (const [name, value] of Object.entries(config.response_headers)) response.setHeader(name, value);
    if (answerCors(config.cors, request, response)) return;
    const encoding = encodingOf(request);
    try {
      await this.#authenticate(request);
      const signal = this.#signals.get(pathOf(request));
      if (signal === undefined) plain(response, 404, notFound(request));
      else if (request.method !== 'POST') plain(response, 405, '405 method not allowed, supported: [POST]');
      else if (encoding === undefined) plain(response, 415, UNSUPPORTED);
      else await this.#take(signal, encoding, request, response);
    } catch (error) {
      if (response.headersSent || response.destroyed) return;
      if (error instanceof AuthError && error.challenge !== undefined) {
        response.setHeader('WWW-Authenticate', error.challenge);
      }
      const { status, code, message, retryAfterMs } = describe(error, request.complete);
      if (encoding === undefined) plain(response, status, message);
      else failed(response, encoding, status, code, message, retryAfterMs);
    }
  }

  async #authenticate({ headers, url = '' }: IncomingMessage): Promise<void> {
    const { auth, config } = this.#options;
    if (auth === undefined) return;
    const parameters = config.auth?.request_params ?? [];
    if (parameters.length === 0 || !url.includes('?')) return auth.authenticate(headers as RequestHeaders);
    const query = new URLSearchParams(url.slice(url.indexOf('?') + 1));
    const given = parameters.filter((name) => query.has(name));
    const extra = Object.fromEntries(given.map((name) => [name.toLowerCase(), query.getAll(name)]));
    return auth.authenticate({ ...(headers as RequestHeaders), ...extra });
  }

  async #take(signal: Signal, encoding: Encoding, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { intake, body: limits } = this.#options;
    const refusal = intake.refusal(signal);
    if (refusal !== undefined) throw refusal;
    const abort = new AbortController();
    response.once('close', () => response.writableFinished || abort.abort());
    const peer = request.socket.remoteAddress;
    const body = await readBody(request, limits);
    try {
      // What follows may have filled up while the body arrived.
      const late = intake.refusal(signal);
      if (late !== undefined) throw late;
      const bytes = encoding === 'json' ? fromJson(signal, body.bytes) : body.bytes;
      await intake.take(signal, bytes, { abort: abort.signal, peer });
    } finally {
      body.release();
    }
    accepted(response, encoding);
  }
}

const UNSUPPORTED = '415 unsupported media type, supported: [application/json, application/x-protobuf]';

function fromJson(signal: Signal, bytes: Uint8Array): Uint8Array {
  try {
    return otlpFromJson(signal, bytes);
  } catch (error) {
    if (error instanceof OtlpJsonError) throw new UndecodableError(error.message, { cause: error });
    throw error;
  }
}

function encodingOf({ headers }: IncomingMessage): Encoding | undefined {
  const [type = ''] = (headers['content-type'] ?? '').split(';', 1);
  switch (type.trim().toLowerCase()) {
    case 'application/x-protobuf':
      return 'protobuf';
    case 'application/json':
      return 'json';
    default:
      return undefined;
  }
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0]!;
}

function notFound(request: IncomingMessage): string {
  return pathOf(request) === PROFILES
    ? '404 profiles are not supported; send metrics, logs or traces\n'
    : '404 page not found\n';
}

interface Failure {
  readonly status: number;
  /** Of gRPC, for the body. */
  readonly code?: number;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

function describe(error: unknown, received: boolean): Failure {
  if (error instanceof HttpError) return error;
  if (error instanceof UndecodableError) return { status: 400, message: error.message };
  if (error instanceof AuthError) return { status: 401, message: error.message };
  if (error instanceof GrpcError)
    return {
      status: httpStatus(error.code),
      code: error.code,
      message: error.message,
      retryAfterMs: error.retryAfterMs,
    };
  // The client went away while it sent.
  if (!received) return { status: 400, message: asError(error).message };
  throw error;
}
