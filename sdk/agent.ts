import type { ComponentId, Health, ViewQuery } from './scope.ts';
import type { Token } from './tokens.ts';
import { token } from './tokens.ts';

/** A component's last report on itself. */
export interface ComponentHealth extends Health {
  readonly id: ComponentId;
  /** Id of the pipeline, for processors. */
  readonly pipeline: string | undefined;
  /** When it came into this state, ns since 1970. */
  readonly since: bigint;
}

/** The running agent as a whole, for extensions that tell others about it. */
export interface Agent {
  readonly name: string;
  readonly version: string;
  /** When the process began to set up its pipelines, ns since 1970. */
  readonly startedAt: bigint;
  /** When every component had started, ns since 1970; undefined before. */
  readonly readySince: bigint | undefined;
  /** Whether every component has started and none is being stopped. */
  ready(): boolean;
  /** What each component says of itself, in the order in which they were made. */
  health(): readonly ComponentHealth[];
}

/** The agent. Always there. */
export const AGENT: Token<Agent> = token('agent');

/** Where a view is found. The core's own have the kind `service`: `ledger`, `pipelines`. */
export interface ViewAddress {
  readonly kind: ComponentId['kind'] | 'service';
  /** `type` or `type/name`. */
  readonly id: string;
  /** Id of the pipeline, for views of processors. */
  readonly pipeline?: string;
  readonly name: string;
}

/** The read-only views that components publish with `scope.inspect`, as the admin socket shows them. */
export interface Inspection {
  list(): readonly ViewAddress[];
  /** What the view shows now; undefined when there is none of this address. Throws what the view throws. */
  read(address: ViewAddress, query?: ViewQuery): unknown;
}

/** The views. Always there. */
export const INSPECTION: Token<Inspection> = token('inspection');
