import type { Meter } from './otel.ts';
import type { Token } from './tokens.ts';

export type ComponentKind = 'receiver' | 'processor' | 'exporter' | 'connector' | 'extension';

export interface ComponentId {
  readonly kind: ComponentKind;
  /** Snake case, as in YAML. */
  readonly type: string;
  /** What follows the slash; empty without one. */
  readonly name: string;
  /** `type` or `type/name`. */
  toString(): string;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** The agent's log. A message is a sentence with capital and period; what varies goes into the fields. Never secrets, never per event above debug. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  /** The operator's events. */
  info(message: string, fields?: LogFields): void;
  /** Recovered. */
  warn(message: string, fields?: LogFields): void;
  /** Data was lost, or something does not work. */
  error(message: string, fields?: LogFields): void;
}

/** Time, replaceable in tests. */
export interface Clock {
  /** Wall time, ns since 1970. */
  now(): bigint;
  /** Monotonic time, ms. */
  monotonic(): number;
  /** Calls back once after `ms`; does not keep the process alive. */
  after(ms: number, callback: () => void): Timer;
  /** Calls back every `ms`, never twice at a time for missed ticks; does not keep the process alive. */
  every(ms: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export type HealthState = 'starting' | 'ok' | 'degraded' | 'unavailable' | 'stopped';

/** What a component says of itself to the health document, the admin socket and the terminal. */
export interface Health {
  readonly state: HealthState;
  /** One sentence; the reason unless `ok`. */
  readonly summary: string;
  /** One line each: what works, what does not and why. */
  readonly details?: readonly string[];
}

/**
 * What happens to items between a component's inputs and outputs, beyond one in, one out. The core counts in and out at
 * every edge itself; in = out + dropped + held, where merging, splitting and creating are declared here.
 */
export interface ItemLedger {
  /** Items that end here, with a reason in snake case: `overflow`, `filtered`, `expired`. */
  dropped(count: number, reason: string): void;
  /** Items that were not in the input. */
  created(count: number, reason: string): void;
  /** Items that went into others: n in, 1 out is n − 1 merged. */
  merged(count: number): void;
}

/** What follows the `?` of a view's address, but for `pipeline`; empty without one. */
export type ViewQuery = Readonly<Record<string, string>>;

/** What a component gets: its own part of the container, nothing global. */
export interface Scope {
  readonly id: ComponentId;
  /** Id of the pipeline (`metrics`, `metrics/2`) a processor was made for; undefined for shared components. */
  readonly pipeline: string | undefined;
  readonly log: Logger;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly items: ItemLedger;
  /** The agent's name and version, for user agents and self-descriptions. */
  readonly agent: { readonly name: string; readonly version: string };
  /**
   * Service under a token. With an id (`file_storage/queue`) that of this component; without, the only one there is. Throws
   * when nobody provides it, or several do and none is named; see {@link find}. What an extension provides may be kept: a
   * reload that changes it makes its users anew. What others provide comes and goes with them: ask at each use.
   */
  get<T>(token: Token<T>, provider?: string): T;
  find<T>(token: Token<T>, provider?: string): T | undefined;
  /**
   * Publishes a service, once for a token; several components may provide the same one. Extensions in `create`: it is there for
   * all who are made after them. Others in `create`, `start` or later: it is found from the end of their start until they are
   * to stop, by whoever asks then, whichever was started first; the instance that replaces one in a reload has it next.
   */
  provide<T>(token: Token<T>, service: T): void;
  /** Publishes a read-only JSON view of the component on the admin socket as `<kind>/<id>/<name>`. It may be asked with a query. */
  inspect(name: string, view: (query: ViewQuery) => unknown): void;
  /** Reports health; the last report counts. */
  health(health: Health): void;
}
