import { type Metadata, Server, ServerCredentials, type ServiceError, type sendUnaryData } from '@grpc/grpc-js';

/** A request as the server got it. */
export interface Received {
  readonly method: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly encoding: string;
}

export type Answer = Partial<ServiceError> | Buffer | undefined;

/** An OTLP server of grpc-js, with faults on demand: the oracle of the client. */
export class GrpcSink {
  readonly received: Received[] = [];
  /** What a request gets: an error, or the bytes of a response; an empty response by default. */
  answer: (request: Received) => Answer | Promise<Answer> = () => undefined;
  port = 0;
  readonly #server = new Server({ 'grpc.max_receive_message_length': -1 });

  constructor() {
    const method = (path: string) => ({
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    });
    for (const [service, signal] of SERVICES) {
      const path = `/opentelemetry.proto.collector.${signal}.v1.${service}/Export`;
      this.#server.addService(
        { Export: method(path) },
        {
          Export: (call: { request: Buffer; metadata: Metadata }, callback: sendUnaryData<Buffer>) => {
            void this.#handle(path, call.request, call.metadata, callback);
          },
        },
      );
    }
  }

  async listen(port = 0, credentials: ServerCredentials = ServerCredentials.createInsecure()): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
    this.port = await promise;
    return `127.0.0.1:${this.port}`;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  async #handle(method: string, body: Buffer, metadata: Metadata, callback: sendUnaryData<Buffer>): Promise<void> {
    const headers = metadata.getMap();
    const request = { method, body, headers, encoding: String(headers['grpc-encoding'] ?? '') };
    this.received.push(request);
    const answer = await this.answer(request);
    if (answer === undefined || Buffer.isBuffer(answer)) callback(null, answer ?? Buffer.alloc(0));
    else callback(answer);
  }
}

const SERVICES = [
  ['MetricsService', 'metrics'],
  ['LogsService', 'logs'],
  ['TraceService', 'trace'],
] as const;

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
