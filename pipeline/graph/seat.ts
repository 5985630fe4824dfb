import type { Scope } from '../../sdk/scope.ts';

/** What the agent keeps for one component instance: its scope, and what the agent shows of it. */
export interface Seat {
  readonly scope: Scope;
  /** From now on views, health and meters show this instance, in place of one of the same name. */
  show(): void;
  started(): void;
  /** It does not run, for this reason. */
  unavailable(reason: string): void;
  /** It is to stop now: what it provides is not found any more. */
  stopping(): void;
  stopped(): void;
  /** Takes back all that the agent shows of it. */
  leave(): void;
}

/** One set of services that extensions provide while they are made. It comes into force when it is adopted. */
export interface Stage {
  /** Makes the part of the agent that one component instance gets. */
  seat(id: Scope['id'], pipeline: string | undefined, items: Scope['items']): Seat;
  /** The services of an extension that stays belong to this set too. */
  keep(seat: Seat): void;
  /** Whether everything that the component has asked for would be answered the same in this set. */
  answers(seat: Seat): boolean;
  adopt(): void;
}
