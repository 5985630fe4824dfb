import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { encode } from '../../receivers/hubble/test/messages.ts';

const OK = { ':status': 200, 'content-type': 'application/grpc' };

/** A small Hubble: an agent of a node that sends whoever follows the messages that a test has for it. */
export class HubbleService implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #messages: Uint8Array[];
  readonly #followers = new Set<ServerHttp2Stream>();

  private constructor(messages: readonly Uint8Array[], seen: number) {
    this.#messages = [...messages];
    this.#server = createServer();
    this.#server.on('session', (session) => session.on('error', () => {}));
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      if (String(headers[':path']).endsWith('/ServerStatus')) answerStatus(stream, seen);
      else this.#follow(stream);
    });
  }

  /** Every stream of flows gets these messages (of GetFlowsResponse), and stays open. `seen`: flows that it says it has seen. */
  static async start(
    messages: readonly Uint8Array[],
    { seen = messages.length + 2 }: { readonly seen?: number } = {},
  ): Promise<HubbleService> {
    const service = new HubbleService(messages, seen);
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sends more to all who follow now or later. */
  send(messages: readonly Uint8Array[]): void {
    this.#messages.push(...messages);
    for (const stream of this.#followers) for (const message of messages) stream.write(frame(message));
  }

  #follow(stream: ServerHttp2Stream): void {
    this.#followers.add(stream);
    stream.once('close', () => this.#followers.delete(stream));
    stream.respond({ ...OK, 'hubble-server-version': '1.20.2' });
    for (const message of this.#messages) stream.write(frame(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}

function answerStatus(stream: ServerHttp2Stream, seen: number): void {
  stream.respond(OK, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const status = { num_flows: seen, max_flows: 4095, seen_flows: seen, version: '1.20.2' };
  stream.end(frame(encode('ServerStatusResponse', status)));
}

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
