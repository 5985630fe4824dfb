import { metrics as openTelemetry } from '@opentelemetry/api';
import {
  BPF,
  type Bpf,
  type Clock,
  type ComponentId,
  type Consumer,
  type Health,
  type LogFields,
  type Metric,
  type MetricBatch,
  present,
  type Scope,
  type Sum,
  type Token,
  type ViewQuery,
} from 'bpflow/sdk';
import { config } from '../../receivers/ebpf/config.ts';
import { EbpfReceiver, type ReceiverOptions } from '../../receivers/ebpf/receiver.ts';
import { bpf } from './machine.ts';
import { type Labels, type Sample, Samples, type Source } from './samples.ts';

/** The receiver alone, in this process (which therefore is not counted): its deltas added up under the names of the page. */
export class ObservedReceiver implements Source {
  readonly scope = new KernelScope();
  readonly #receiver: EbpfReceiver;
  readonly #sums = new Map<string, { name: string; labels: Labels; value: number }>();
  /** Series that have ended, as `name{labels}`. */
  readonly ended: string[] = [];
  /** What the consumer answers instead of taking the next batch. */
  refuseNext: Error | undefined;

  constructor(keys: Readonly<Record<string, unknown>>, options: ReceiverOptions & { readonly bpf?: Bpf } = {}) {
    this.scope.bpf = options.bpf ?? bpf;
    const consumer: Consumer<MetricBatch> = {
      refusal: () => undefined,
      consume: (batch) => {
        const { refuseNext } = this;
        this.refuseNext = undefined;
        if (refuseNext !== undefined) throw refuseNext;
        for (const metric of batch.metrics) this.#add(metric);
      },
    };
    this.#receiver = new EbpfReceiver(config.parse(keys), this.scope, { metrics: consumer }, options);
    this.#receiver.start();
  }

  /** State of each program by name. */
  programs(): Record<string, string> {
    const view = this.scope.views.get('programs')?.({}) as { programs: { program: string; state: string }[] };
    return Object.fromEntries(view.programs.map(({ program, state }) => [program, state]));
  }

  async collect(): Promise<void> {
    await this.#receiver.collect(new AbortController().signal);
  }

  async read(): Promise<Samples> {
    await this.collect();
    return this.samples;
  }

  get samples(): Samples {
    return new Samples([...this.#sums.values()].map((each): Sample => ({ ...each })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver.stop();
  }

  #add(metric: Metric): void {
    const { name, label } = present(metric, 'seed');
    const { points, series } = metric;
    for (let i = 0; i < points.length; i++) {
      const attributes = Object.entries(series.attributes(points.ids[i]!).toObject());
      const labels = Object.fromEntries(attributes.map(([key, value]) => [label(key), String(value)]));
      const flags = typeof points.flags === 'number' ? points.flags : points.flags[i]!;
      if (flags !== 0) {
        this.ended.push(`${name}${JSON.stringify(labels)}`);
      } else if (metric.kind === 'gauge') {
        this.#sums.set(name + JSON.stringify(labels), { name, labels, value: Number(metric.points.values[i]) });
      } else if (metric.kind === 'sum') {
        this.#addTo(name, labels, Number((metric as Sum).points.values[i]));
      } else if (metric.kind === 'histogram') {
        const width = metric.points.bounds.length + 1;
        const counts = metric.points.counts.subarray(i * width, (i + 1) * width);
        this.#addTo(
          `${name}_count`,
          labels,
          counts.reduce((sum, count) => sum + count, 0),
        );
        this.#addTo(`${name}_sum`, labels, metric.points.sums[i]!);
        let below = 0;
        for (const [bucket, count] of counts.entries()) {
          below += count;
          const le = String(metric.points.bounds[bucket] ?? '+Inf');
          this.#addTo(`${name}_bucket`, { ...labels, le }, below);
        }
      } else if (metric.kind === 'exponential_histogram') {
        const { positive, zeroCount, sums } = metric.points;
        const counts = positive.counts.subarray(positive.start[i], positive.start[i + 1]);
        this.#addTo(`${name}_count`, labels, zeroCount[i]! + counts.reduce((sum, count) => sum + count, 0));
        this.#addTo(`${name}_sum`, labels, sums[i]!);
        for (const [k, count] of counts.entries()) {
          this.#addTo(`${name}_bucket`, { ...labels, le: String(2 ** (positive.offset[i]! + k + 1)) }, count);
        }
      }
    }
  }

  #addTo(name: string, labels: Labels, value: number): void {
    const key = name + JSON.stringify(labels);
    const known = this.#sums.get(key);
    if (known === undefined) this.#sums.set(key, { name, labels, value });
    else known.value += value;
  }
}

/** The receiver's part of the container: the machine's kernel, a clock that moves only when told, and what was reported. */
export class KernelScope implements Scope {
  readonly id: ComponentId = { kind: 'receiver', type: 'ebpf', name: '', toString: () => 'ebpf' };
  readonly pipeline = undefined;
  readonly agent = { name: 'bpflow', version: '0.0.0' };
  readonly meter = openTelemetry.getMeter('test');
  readonly items = { dropped() {}, created() {}, merged() {} };
  readonly logged: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = [];
  readonly views = new Map<string, (query: ViewQuery) => unknown>();
  readonly reported: Health[] = [];
  readonly provided = new Map<Token<unknown>, unknown>();
  bpf: Bpf = bpf;
  /** Monotonic time, ms. */
  nowMs = 0;
  readonly log = {
    debug: this.#logger('debug'),
    info: this.#logger('info'),
    warn: this.#logger('warn'),
    error: this.#logger('error'),
  };
  readonly clock: Clock = {
    now: () => BigInt(Date.now()) * 1_000_000n,
    monotonic: () => this.nowMs,
    after: () => ({ cancel() {} }),
    every: () => ({ cancel() {} }),
  };

  get<T>(token: Token<T>): T {
    if (token !== BPF) throw new Error(`Nobody provides ${String(token)}.`);
    return this.bpf as T;
  }

  find<T>(token: Token<T>): T | undefined {
    return token === BPF ? (this.bpf as T) : undefined;
  }

  provide<T>(token: Token<T>, service: T): void {
    this.provided.set(token, service);
  }

  inspect(name: string, view: (query: ViewQuery) => unknown): void {
    this.views.set(name, view);
  }

  health(health: Health): void {
    this.reported.push(health);
  }

  #logger(level: string) {
    return (message: string, fields: LogFields = {}): void => {
      this.logged.push({ level, message, fields });
    };
  }
}
