import {
  ALWAYS,
  type Batch,
  type Bits56,
  type Consumer,
  isBelow,
  Marks,
  markSpans,
  type Processor,
  type Scope,
  Sender,
  type SpanBatch,
  SpanItems,
  selectSpans,
  type Timer,
} from 'bpflow/sdk';
import { AlwaysKept, type KeepReason } from './always-kept.ts';
import { bytesOfSpans } from './batch-bytes.ts';
import type { KeepConfig } from './config.ts';
import { Decisions } from './decisions.ts';
import { SPAN_ROWS } from './rows.ts';
import type { TailConfig } from './tail-config.ts';
import { type Keep, type TailPolicy, tailPolicy } from './tail-policies.ts';
import { Counts, type Outcome, samplingTelemetry } from './telemetry.ts';

/** Holds spans until their trace is decided on. Log records and metrics pass. */
export function createTailProcessor(config: TailConfig, keep: KeepConfig, scope: Scope, draw = randomBits): Processor {
  const tail = new TailSampler(config, keep, scope, draw);
  let timer: Timer | undefined;
  return {
    consume: {
      metrics: (batch, next, abort) => next.consume(batch, abort),
      logs: (batch, next, abort) => next.consume(batch, abort),
      traces: (batch, next) => tail.add(batch, next),
    },
    refusal: () => tail.sender.blockedBy,
    held: () => tail.held,
    flush: () => tail.sender.attempt(),
    start() {
      const everyMs = Math.min(1000, Math.max(10, config.decision_wait / 10));
      timer = scope.clock.every(everyMs, () => tail.expire());
    },
    async stop() {
      timer?.cancel();
      tail.decideAll();
      await tail.sender.attempt();
      tail.sender.close();
    },
  };
}

/** What a waiting trace takes beside its spans; measured. */
const BYTES_PER_TRACE = 400;

/** What is always kept, whatever the policies say. */
const KEPT: Keep = { policy: 'keep', threshold: ALWAYS };

/** A batch of which spans wait. It is released when all of them are decided on. */
interface Holding {
  readonly batch: SpanBatch;
  readonly bytes: number;
  /** Spans that wait. */
  waiting: number;
  /** Rows to hand on, and why. */
  readonly kept: Map<number, Keep>;
}

/** A trace that waits. */
interface Trace {
  /** Monotonic, ms. */
  readonly since: number;
  readonly randomness: Bits56;
  start: bigint;
  end: bigint;
  spans: number;
  /** Its spans: row i of holding i. */
  readonly holdings: Holding[];
  readonly rows: number[];
}

class TailSampler {
  readonly sender: Sender;
  readonly #config: TailConfig;
  readonly #scope: Scope;
  readonly #draw: () => Bits56;
  readonly #policies: readonly TailPolicy[];
  readonly #always: AlwaysKept<SpanBatch>;
  readonly #decisions: Decisions;
  readonly #items = new SpanItems();
  readonly #enter: (counts: Counts) => void;
  /** By trace id, the oldest first. */
  readonly #traces = new Map<string, Trace>();
  /** With something to hand on. */
  readonly #ready = new Set<Holding>();
  #counts = new Counts();
  #spans = 0;
  #bytes = 0;

  constructor(config: TailConfig, keep: KeepConfig, scope: Scope, draw: () => Bits56) {
    this.#config = config;
    this.#scope = scope;
    this.#draw = draw;
    this.#policies = config.policies.map(tailPolicy);
    this.#always = new AlwaysKept(keep, SPAN_ROWS, scope.clock);
    const { sampled_cache_size, non_sampled_cache_size } = config.decision_cache;
    this.#decisions = new Decisions(sampled_cache_size, non_sampled_cache_size);
    this.#enter = samplingTelemetry(scope, 'traces');
    this.sender = new Sender(scope);
    this.#publish();
  }

  /** Spans that wait or could not be handed on yet. */
  get held(): number {
    return this.#spans + this.sender.held;
  }

  add(batch: SpanBatch, next: Consumer<SpanBatch>): void {
    if (this.sender.blockedBy !== undefined) throw this.sender.blockedBy;
    this.sender.next = next as Consumer<Batch>;
    const holding: Holding = { batch, bytes: bytesOfSpans(batch), waiting: batch.length, kept: new Map() };
    this.#bytes += holding.bytes;
    this.#spans += batch.length;
    const ids = Buffer.from(batch.traceIds.buffer, batch.traceIds.byteOffset, batch.traceIds.byteLength);
    this.#always.begin();
    for (let row = 0; row < batch.length; row++) {
      const id = ids.toString('latin1', row * 16, row * 16 + 16);
      const decision = this.#decisions.find(id);
      const reason = this.#always.reason(batch, row);
      if (decision === undefined) this.#wait(id, holding, row, reason);
      else this.#late(id, holding, row, decision, reason);
    }
    if (this.#isFull()) this.#decideOldest();
    this.#handOn();
  }

  /** Decides on what has waited long enough. */
  expire(): void {
    const until = this.#scope.clock.monotonic() - this.#config.decision_wait;
    for (const [id, trace] of this.#traces) {
      if (trace.since > until) break;
      this.#decide(id, trace);
    }
    this.#handOn();
  }

  /** Decides on everything by what is there. */
  decideAll(): void {
    for (const [id, trace] of this.#traces) this.#decide(id, trace);
    this.#handOn();
  }

  #decideOldest(): void {
    for (const [id, trace] of this.#traces) {
      if (!this.#isFull()) return;
      this.#decide(id, trace);
    }
  }

  #isFull(): boolean {
    const { num_traces, max_spans, max_bytes } = this.#config;
    return this.#traces.size > num_traces || this.#spans > max_spans || this.#bytes > max_bytes;
  }

  #wait(id: string, holding: Holding, row: number, reason: KeepReason | undefined): void {
    const { batch } = holding;
    let trace = this.#traces.get(id);
    if (trace === undefined) {
      const item = this.#items.move(batch, row);
      const { high, low } = item.randomness ?? item.traceRandomness() ?? this.#draw();
      trace = {
        since: this.#scope.clock.monotonic(),
        randomness: { high, low },
        start: batch.startTime[row]!,
        end: batch.endTime[row]!,
        spans: 0,
        holdings: [],
        rows: [],
      };
      this.#traces.set(id, trace);
      this.#bytes += BYTES_PER_TRACE;
    }
    trace.spans++;
    if (batch.startTime[row]! < trace.start) trace.start = batch.startTime[row]!;
    if (batch.endTime[row]! > trace.end) trace.end = batch.endTime[row]!;
    trace.holdings.push(holding);
    trace.rows.push(row);
    if (reason !== undefined) {
      this.#keep(id, trace, KEPT, reason);
      return;
    }
    const found = this.#policies.find(({ early }) => early?.(batch, row, trace));
    if (found !== undefined) this.#keep(id, trace, { policy: found.name, threshold: ALWAYS }, 'sampled');
  }

  /** An error is kept even when its trace was not, and what comes after it. */
  #late(id: string, holding: Holding, row: number, decision: Keep | 'dropped', reason: KeepReason | undefined): void {
    if (decision !== 'dropped') {
      this.#counts.add(decision.policy, 'late_sampled');
      this.#settle(holding, row, decision);
    } else if (reason === undefined) {
      this.#counts.add('', 'late_not_sampled');
      this.#settle(holding, row, undefined);
    } else {
      this.#decisions.remember(id, KEPT);
      this.#counts.add(KEPT.policy, reason);
      this.#settle(holding, row, KEPT);
    }
  }

  #decide(id: string, trace: Trace): void {
    let best: Keep | undefined;
    for (const { name, late } of this.#policies) {
      const threshold = late?.(trace);
      if (threshold !== undefined && (best === undefined || isBelow(threshold, best.threshold))) {
        best = { policy: name, threshold };
      }
    }
    if (best !== undefined) {
      this.#keep(id, trace, best, 'sampled');
      return;
    }
    this.#conclude(id, trace, undefined);
    this.#decisions.remember(id, 'dropped');
    this.#counts.add('', 'not_sampled', trace.spans);
  }

  #keep(id: string, trace: Trace, keep: Keep, outcome: Outcome): void {
    this.#conclude(id, trace, keep);
    this.#decisions.remember(id, keep);
    this.#counts.add(keep.policy, outcome, trace.spans);
  }

  #conclude(id: string, trace: Trace, keep: Keep | undefined): void {
    this.#traces.delete(id);
    this.#bytes -= BYTES_PER_TRACE;
    for (let i = 0; i < trace.rows.length; i++) this.#settle(trace.holdings[i]!, trace.rows[i]!, keep);
  }

  #settle(holding: Holding, row: number, keep: Keep | undefined): void {
    this.#spans--;
    if (--holding.waiting === 0) this.#bytes -= holding.bytes;
    if (keep === undefined) return;
    holding.kept.set(row, keep);
    this.#ready.add(holding);
  }

  #handOn(): void {
    for (const { batch, kept } of this.#ready) {
      const marks = new Marks();
      const selected = selectSpans(batch, (row) => {
        const keep = kept.get(row);
        if (keep === undefined) return false;
        marks.add(this.#thresholdText(batch, row, keep));
        return true;
      });
      kept.clear();
      this.sender.send(markSpans(selected!, marks));
    }
    this.#ready.clear();
    this.#enter(this.#counts);
    this.#counts = new Counts();
  }

  /** What was sampled less before stays what it is. */
  #thresholdText(batch: SpanBatch, row: number, { threshold }: Keep): string | undefined {
    const { threshold: arriving, isBroken } = this.#items.move(batch, row);
    if (isBroken || (arriving !== undefined && !isBelow(arriving, threshold))) return undefined;
    return threshold.text;
  }

  #publish(): void {
    const view = () => ({
      waiting_traces: this.#traces.size,
      waiting_spans: this.#spans,
      waiting_bytes: this.#bytes,
      decisions: this.#decisions.size,
    });
    this.#scope.inspect('state', view);
    const processor = String(this.#scope.id);
    const gauge = (name: string, description: string, unit: string, value: () => number) =>
      this.#scope.meter
        .createObservableGauge(`bpflow_sampling_${name}`, { description, unit })
        .addCallback((result) => result.observe(value(), { processor }));
    gauge('waiting_traces', 'Traces that are not decided on yet.', '{trace}', () => this.#traces.size);
    gauge('waiting_spans', 'Spans of traces that are not decided on yet.', '{span}', () => this.#spans);
    gauge('waiting_bytes', 'Memory that waiting spans hold, about.', 'By', () => this.#bytes);
  }
}

function randomBits(): Bits56 {
  return { high: Math.floor(Math.random() * 2 ** 28), low: Math.floor(Math.random() * 2 ** 28) };
}
