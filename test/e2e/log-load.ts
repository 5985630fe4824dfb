import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';

const RECORDS = 1000;
const IN_FLIGHT = 8;

/**
 * A constant load of log records over OTLP/gRPC. Each has its own number in its body, `id=<number>;`, from 0 on. Like any
 * client it offers again what was refused.
 */
export class LogLoad {
  readonly #client: Client;
  readonly #periodMs: number;
  readonly #underWay = new Set<Promise<void>>();
  #requests = 0;
  #refused = 0;
  #activeMs = 0;
  #failure: unknown;

  constructor(endpoint: string, recordsASecond: number) {
    this.#client = new Client(endpoint, credentials.createInsecure());
    this.#periodMs = (1000 * RECORDS) / recordsASecond;
  }

  /** Sends for so long; what is under way then goes on. Throws what no client may offer again. */
  async during(ms: number): Promise<void> {
    const start = performance.now();
    for (let sent = 0; sent * this.#periodMs < ms; sent++) {
      const early = start + sent * this.#periodMs - performance.now();
      if (early > 0) await wait(early);
      while (this.#underWay.size >= IN_FLIGHT) await Promise.race(this.#underWay);
      if (this.#failure !== undefined) throw this.#failure;
      this.#send();
    }
    this.#activeMs += performance.now() - start;
  }

  /** Resolves when everything was accepted. */
  async end(): Promise<{ readonly records: number; readonly seconds: number; readonly refused: number }> {
    await Promise.all(this.#underWay);
    this.#client.close();
    if (this.#failure !== undefined) throw this.#failure;
    return { records: this.#requests * RECORDS, seconds: this.#activeMs / 1000, refused: this.#refused };
  }

  #send(): void {
    const request = exportRequest(this.#requests++ * RECORDS);
    const accepted = this.#offer(request)
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#underWay.delete(accepted));
    this.#underWay.add(accepted);
  }

  async #offer(request: Buffer): Promise<void> {
    for (;;) {
      const error = await this.#call(request);
      if (error === null) return;
      if (error.code !== status.UNAVAILABLE && error.code !== status.RESOURCE_EXHAUSTED) throw error;
      this.#refused++;
      await wait(10);
    }
  }

  #call(request: Buffer): Promise<ServiceError | null> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        request,
        (error) => resolve(error),
      );
    });
  }
}

/** ExportLogsServiceRequest with {@link RECORDS} records, numbered from `first` on. */
function exportRequest(first: number): Buffer {
  const records: Buffer[] = [];
  for (let i = 0; i < RECORDS; i++) {
    // LogRecord.body = 5, AnyValue.string_value = 1
    records.push(field(2, field(5, field(1, Buffer.from(`id=${first + i};`)))));
  }
  // ResourceLogs = 1, ScopeLogs = 2, LogRecord = 2
  return field(1, field(2, Buffer.concat(records)));
}

/** A length-delimited field. */
function field(number: number, content: Buffer): Buffer {
  const head = [(number << 3) | 2];
  let length = content.length;
  for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80);
  head.push(length);
  return Buffer.concat([Buffer.from(head), content]);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
