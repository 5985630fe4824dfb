import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ApiObject } from '../api-objects.ts';
import type { Encoding } from '../encoding.ts';
import { eventBytes, listBytes, objectBytes } from './wire-objects.ts';

export interface SeenRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly accept: string;
}

/** What the server answers instead of its data. Returns whether it did. */
export type Fault = (request: SeenRequest, response: ServerResponse) => boolean;

interface Watcher {
  readonly kind: string;
  readonly encoding: Encoding;
  readonly response: ServerResponse;
}

/** As much of an API server as a client of lists and watches sees, with the faults that a test asks for. */
export class FakeApiServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** What it writes. */
  encoding: Encoding = 'protobuf';
  /** Lists come as streams. */
  streaming = true;
  pageSize = 250;
  readonly #faults: Fault[] = [];
  readonly #objects = new Map<string, Map<string, ApiObject>>();
  readonly #watchers = new Set<Watcher>();
  /** Events by kind, from the oldest resource version that can be watched from. */
  readonly #history: {
    readonly kind: string;
    readonly version: number;
    readonly type: string;
    readonly object: ApiObject;
  }[] = [];
  #oldest = 0;
  #version = 1000;
  #server: Server;
  #port = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<FakeApiServer> {
    const fake: FakeApiServer = new FakeApiServer(createServer());
    const handle = (request: IncomingMessage, response: ServerResponse) => fake.#handle(request, response);
    fake.#server =
      tls === undefined
        ? createServer(handle)
        : (createSecureServer(
            { cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
            handle,
          ) as unknown as Server);
    await fake.listen();
    return fake;
  }

  get port(): number {
    return this.#port;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  async listen(): Promise<void> {
    const listening = Promise.withResolvers<void>();
    this.#server.listen(this.#port, '127.0.0.1', listening.resolve);
    await listening.promise;
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections and takes no more. */
  async close(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#server.closeAllConnections();
    this.#watchers.clear();
    await closed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close();
  }

  /** The last one is asked first. Returns what takes it away. */
  fault(fault: Fault): () => void {
    this.#faults.unshift(fault);
    return () => void this.#faults.splice(this.#faults.indexOf(fault), 1);
  }

  /** Adds or changes an object of a kind (`pods`), and tells it unless it is to be missed. */
  set<T extends ApiObject>(kind: string, object: T, missed = false): void {
    const stored = this.#objects.get(kind) ?? new Map<string, ApiObject>();
    this.#objects.set(kind, stored);
    const key = keyOf(object);
    this.#tell(kind, stored.has(key) ? 'MODIFIED' : 'ADDED', object, missed, (versioned) => stored.set(key, versioned));
  }

  remove<T extends ApiObject>(kind: string, object: T, missed = false): void {
    this.#tell(kind, 'DELETED', object, missed, () => this.#objects.get(kind)?.delete(keyOf(object)));
  }

  bookmark(kind: string): void {
    const metadata = { resourceVersion: String(++this.#version) };
    for (const watcher of this.#of(kind))
      watcher.response.write(eventBytes(watcher.encoding, 'BOOKMARK', { metadata }));
  }

  /** Writes bytes of any kind into the watches. */
  write(kind: string, bytes: Buffer): void {
    for (const { response } of this.#of(kind)) response.write(bytes);
  }

  /** Ends the watches, in order or not. */
  endWatches(kind: string, how: 'end' | 'cut' = 'end'): void {
    for (const { response } of this.#of(kind)) {
      if (how === 'end') response.end();
      else response.destroy();
    }
  }

  /** Forgets what was, so that watches from before are too old. */
  compact(): void {
    this.#oldest = ++this.#version;
    this.#history.length = 0;
  }

  #of(kind: string): readonly Watcher[] {
    return [...this.#watchers].filter((watcher) => watcher.kind === kind);
  }

  #tell(kind: string, type: string, object: ApiObject, missed: boolean, store: (object: ApiObject) => void): void {
    const version = ++this.#version;
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    store(versioned);
    this.#history.push({ kind, version, type, object: versioned });
    if (missed) return;
    for (const watcher of this.#of(kind)) watcher.response.write(eventBytes(watcher.encoding, type, versioned));
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fake');
    const seen: SeenRequest = {
      path: url.pathname,
      query: url.searchParams,
      authorization: request.headers.authorization,
      accept: request.headers.accept ?? '',
    };
    this.requests.push(seen);
    if (this.#faults.some((fault) => fault(seen, response))) return;
    const [, kind = '', name] =
      /^\/(?:api|apis\/[^/]+)\/v1\/(?:namespaces\/[^/]+\/)?([^/]+)(?:\/(.+))?$/.exec(url.pathname) ?? [];
    response.setHeader(
      'content-type',
      this.encoding === 'json' ? 'application/json' : 'application/vnd.kubernetes.protobuf',
    );
    if (name !== undefined) this.#get(kind, name, response);
    else if (seen.query.has('watch')) this.#watch(kind, seen.query, response);
    else this.#list(kind, seen.query, response);
  }

  #get(kind: string, name: string, response: ServerResponse): void {
    const found = [...(this.#objects.get(kind)?.values() ?? [])].find(({ metadata }) => metadata?.name === name);
    if (found === undefined) refuse(response, 404, 'NotFound', `${kind} "${name}" not found`);
    else response.end(objectBytes(this.encoding, found));
  }

  #list(kind: string, query: URLSearchParams, response: ServerResponse): void {
    const all = [...(this.#objects.get(kind)?.values() ?? [])];
    const from = Number(query.get('continue') ?? 0);
    const to = from + Math.min(this.pageSize, Number(query.get('limit') ?? all.length));
    const metadata = { resourceVersion: String(this.#version), ...(to < all.length && { continue: String(to) }) };
    response.end(listBytes(this.encoding, { metadata, items: all.slice(from, to) }));
  }

  #watch(kind: string, query: URLSearchParams, response: ServerResponse): void {
    const isList = query.get('sendInitialEvents') === 'true';
    if (isList && !this.streaming) {
      refuse(response, 422, 'Invalid', 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch');
      return;
    }
    const watcher: Watcher = { kind, encoding: this.encoding, response };
    const write = (type: string, object: object) => response.write(eventBytes(this.encoding, type, object));
    response.on('close', () => this.#watchers.delete(watcher));
    response.flushHeaders();
    if (isList) {
      for (const object of this.#objects.get(kind)?.values() ?? []) write('ADDED', object);
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      write('BOOKMARK', { metadata: { resourceVersion: String(this.#version), annotations } });
    } else {
      const version = Number(query.get('resourceVersion'));
      if (version < this.#oldest) {
        write('ERROR', { code: 410, reason: 'Expired', message: `too old resource version: ${version}` });
        response.end();
        return;
      }
      for (const event of this.#history)
        if (event.kind === kind && event.version > version) write(event.type, event.object);
    }
    this.#watchers.add(watcher);
  }
}

/** Answers with a Status. */
export function refuse(response: ServerResponse, code: number, reason: string, message: string): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', code, reason, message }));
}

function keyOf({ metadata }: ApiObject): string {
  return metadata?.uid ?? metadata?.name ?? '';
}
