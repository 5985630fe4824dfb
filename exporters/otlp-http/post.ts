import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HttpAnswer } from './status.ts';

/** Bytes of an answer that are read; the rest is thrown away with its connection. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface PostOptions {
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly abort: AbortSignal;
}

/**
 * One POST. Rejects when there was no answer. A kept connection that the other side had closed meanwhile is replaced, as
 * long as nothing was answered on it.
 */
export async function post(url: URL, options: PostOptions): Promise<HttpAnswer> {
  for (;;) {
    const attempt = postOnce(url, options);
    try {
      return await attempt.answer;
    } catch (thrown) {
      const { code } = thrown as { readonly code?: string };
      const stale = attempt.request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
      if (!stale || options.abort.aborted) throw thrown;
    }
  }
}

function postOnce(
  url: URL,
  { agent, headers, body, abort }: PostOptions,
): { readonly request: ClientRequest; readonly answer: Promise<HttpAnswer> } {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const length = { 'content-length': String(body.length) };
  const request = send(
    url,
    { method: 'POST', agent, headers: { ...headers, ...length }, signal: abort },
    (response) => {
      read(response).then(resolve, reject);
    },
  );
  request.on('error', reject);
  request.end(body);
  return { request, answer: promise };
}

async function read(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  let complete = true;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length <= MAX_ANSWER_BYTES) continue;
    complete = false;
    break;
  }
  const { 'content-type': type = '', 'retry-after': retryAfter } = response.headers;
  return {
    status: response.statusCode ?? 0,
    contentType: type.split(';', 1)[0]!.trim().toLowerCase(),
    retryAfter,
    body: Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES),
    complete,
  };
}
