import { Server, ServerCredentials, status } from '@grpc/grpc-js';

/** A place where logs end, over gRPC. Records are known by a text `id=<number>;` in their bodies. */
export class OtlpSink implements AsyncDisposable {
  /** How often each id was delivered, answered with success. */
  readonly delivered = new Map<number, number>();
  /** What becomes of the next request: `ok` after so many ms, or UNAVAILABLE. */
  behaviour: () => { readonly delayMs: number; readonly ok: boolean } = () => ({ delayMs: 0, ok: true });
  readonly #server = new Server({ 'grpc.max_receive_message_length': -1 });
  #port = 0;

  static async listen(): Promise<OtlpSink> {
    const sink = new OtlpSink();
    await sink.#listen();
    return sink;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async #listen(): Promise<void> {
    const identity = (bytes: Buffer): Buffer => bytes;
    this.#server.addService(
      {
        export: {
          path: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
          requestStream: false,
          responseStream: false,
          requestSerialize: identity,
          requestDeserialize: identity,
          responseSerialize: identity,
          responseDeserialize: identity,
        },
      },
      {
        export: (call: { readonly request: Buffer }, answer: (error: object | null, value?: Buffer) => void) => {
          const { delayMs, ok } = this.behaviour();
          setTimeout(() => {
            if (!ok) return answer({ code: status.UNAVAILABLE, details: 'not now' });
            for (const [, id] of call.request.toString('latin1').matchAll(/id=(\d+);/g)) {
              this.delivered.set(Number(id), (this.delivered.get(Number(id)) ?? 0) + 1);
            }
            answer(null, Buffer.alloc(0));
          }, delayMs);
        },
      },
    );
    this.#port = await new Promise((resolve, reject) =>
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

/** Posts log records with these ids as one OTLP/JSON request; its HTTP status, 0 when the connection failed. */
export async function postLogs(url: string, ids: readonly number[], padding = ''): Promise<number> {
  const logRecords = ids.map((id) => ({ timeUnixNano: '1', body: { stringValue: `id=${id};${padding}` } }));
  try {
    const response = await fetch(`${url}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}
