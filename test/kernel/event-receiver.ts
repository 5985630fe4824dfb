import { deepEqual } from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { type Clock, type Consumer, type LogBatch, type LogRecord, logRecords, type RetryableError } from 'bpflow/sdk';
import { systemClock } from '../../pipeline/clock.ts';
import { config } from '../../receivers/ebpf/config.ts';
import { EbpfReceiver } from '../../receivers/ebpf/receiver.ts';
import { patience } from './machine.ts';
import { KernelScope } from './receiver.ts';

/** What became of the events of one kind. */
export interface Balance {
  readonly offered: number;
  readonly received: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** An event with its attributes and those of its resource. */
export interface SeenEvent {
  readonly name: string;
  readonly severity: string;
  readonly body: string;
  readonly time: bigint;
  readonly observedTime: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** Every kind of event switched off. */
export const NO_EVENTS = {
  collect_process_events: false,
  collect_oom_events: false,
  collect_container_events: false,
  collect_tcp_events: false,
  memory_threshold: 0,
};

/** The receiver alone, in a pipeline of logs and no other, in this process. */
export class EventReceiver {
  readonly scope = new EventScope();
  readonly batches: LogBatch[] = [];
  /** Why the next component takes nothing now. */
  refusal: RetryableError | undefined;
  /** Called instead of taking a batch. */
  onBatch: ((batch: LogBatch) => void | Promise<void>) | undefined;
  readonly #receiver: EbpfReceiver;

  constructor(keys: Readonly<Record<string, unknown>>) {
    const consumer: Consumer<LogBatch> = {
      refusal: () => this.refusal,
      consume: (batch) => {
        if (this.onBatch !== undefined) return this.onBatch(batch);
        this.batches.push(batch);
      },
    };
    this.#receiver = new EbpfReceiver(config.parse(keys), this.scope, { logs: consumer });
    this.#receiver.start();
  }

  events(name?: string): SeenEvent[] {
    const all = this.batches.flatMap((batch) => [...logRecords(batch)].map(seen));
    return name === undefined ? all : all.filter((event) => event.name === name);
  }

  balance(): Readonly<Record<string, Balance>> {
    const { kinds } = this.#view('events') as { kinds: Record<string, Balance> };
    return kinds;
  }

  /** Waits until every event that was offered was received or dropped, to the last one; for at most 10 s (emulated: 100 s). */
  async balanced(): Promise<Readonly<Record<string, Balance>>> {
    // Others on the machine go on: what was in balance once may not be a moment later.
    let balance = this.balance();
    const unbalanced = () =>
      Object.entries(balance).filter(([, { offered, received, dropped }]) => offered !== received + sum(dropped));
    await this.until(() => {
      balance = this.balance();
      return unbalanced().length === 0;
    });
    deepEqual(unbalanced(), []);
    return balance;
  }

  /** Waits for at most 10 s (emulated: 100 s), or as long. */
  async until(holds: () => boolean, ms = patience(10_000)): Promise<void> {
    const deadline = performance.now() + ms;
    while (!holds() && performance.now() < deadline) await wait(5);
  }

  /** Waits until the names of the kernel's functions were read. */
  async symbols(): Promise<void> {
    const known = () => (this.#view('events') as { stacks?: { kernelSymbols: number } }).stacks?.kernelSymbols ?? 0;
    await this.until(() => known() > 0);
  }

  programs(): Record<string, string> {
    return Object.fromEntries(this.#programs().map(({ program, state }) => [program, state]));
  }

  /** How often the kernel left a program out because it was running on that CPU already. */
  misses(program: string): number {
    return this.#programs().find((each) => each.program === program)?.recursionMisses ?? 0;
  }

  #programs(): readonly { program: string; state: string; recursionMisses?: number }[] {
    return (this.#view('programs') as { programs: { program: string; state: string }[] }).programs;
  }

  #view(name: string): unknown {
    return this.scope.views.get(name)?.({});
  }

  async stop(): Promise<void> {
    await this.#receiver.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** With the clock of the machine: timers are on the way of events. */
class EventScope extends KernelScope {
  override readonly clock: Clock = systemClock();
}

/** All events that were dropped. */
export function sum(dropped: Balance['dropped']): number {
  return Object.values(dropped).reduce((total, count) => total + count, 0);
}

function seen(record: LogRecord): SeenEvent {
  const { eventName: name, severityText: severity, time, observedTime } = record;
  const { attributes, resource } = record;
  return {
    name,
    severity,
    body: String(record.body),
    time,
    observedTime,
    attributes: attributes.toObject(),
    resource: resource.attributes.toObject(),
  };
}
