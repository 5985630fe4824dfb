import type { Timer } from '../../sdk/scope.ts';
import { PipelineErrors, reloadErrors } from '../errors.ts';
import { type Assembly, allOf, enforce } from './assembly.ts';
import type { Account } from './books.ts';
import type { GraphState } from './build.ts';
import { Deadline } from './deadline.ts';
import { type Difference, difference } from './difference.ts';
import { type Current, exchange, type Manner, StartFailure } from './exchange.ts';
import { isReceiver, startAll, windDown } from './life.ts';
import type { Node } from './node.ts';
import type { GraphPlan } from './plan.ts';
import type { PullTotals } from './pull.ts';

const EXPIRE_EVERY_MS = 60_000;

/** The wired components and their life. */
export class Graph {
  readonly pullTotals: Readonly<PullTotals>;
  readonly #state: GraphState;
  readonly #current: Current;
  #expiry: Timer | undefined;
  #reload: Promise<unknown> = Promise.resolve();

  /** Of parts that were all made for it. */
  constructor(assembly: Assembly, state: GraphState) {
    this.#state = state;
    this.#current = { assembly, running: allOf(assembly), draining: Promise.resolve(), isEnding: false };
    this.pullTotals = state.pullTotals;
    enforce(assembly);
  }

  get plan(): GraphPlan {
    return this.#current.assembly.plan;
  }

  get extensions(): readonly Node[] {
    return this.#current.assembly.extensions;
  }

  /** In the order of their making: each after everything it hands data to. */
  get nodes(): readonly Node[] {
    return this.#current.assembly.nodes;
  }

  /** The books of every component there is or was, but for extensions, which no data goes through. */
  get accounts(): readonly Account[] {
    return this.#state.books.all().filter(({ id }) => id.kind !== 'extension');
  }

  /**
   * Starts extensions, then consumers, then receivers. Within each of the three all are tried; when some fail the next do
   * not start. Throws PipelineErrors with every failure; the caller then stops the graph.
   */
  async start(): Promise<void> {
    for (const nodes of [
      this.extensions,
      this.nodes.filter((node) => !isReceiver(node)),
      this.nodes.filter(isReceiver),
    ]) {
      const failures = await startAll(nodes);
      if (failures.size > 0) throw new PipelineErrors([...failures.values()]);
    }
    const { clock } = this.#state.host;
    this.#expiry = clock.every(EXPIRE_EVERY_MS, () => {
      for (const { converter } of this.#state.histories.values()) converter.expire(clock.now());
    });
  }

  /**
   * Goes over to another plan. What the plan does not change goes on: same instance, same queue, same connections. Resolves
   * when the new plan is in force; what it replaced may still be handing on what it held, for at most `timeoutMs`.
   * Throws PipelineErrors when something cannot be made or started; the old plan is in force then.
   */
  reload(plan: GraphPlan, timeoutMs: number): Promise<Difference> {
    const turn = this.#reload.then(async () => {
      await this.#current.draining;
      if (this.#current.isEnding) throw reloadErrors.ending();
      return this.#goOver(plan, timeoutMs);
    });
    this.#reload = turn.catch(() => {});
    return turn;
  }

  /** Resolves when everything that reloads replaced has handed on what it held. */
  async settled(): Promise<void> {
    await this.#reload;
    await this.#current.draining;
  }

  /**
   * Collects a last time, then stops producers before consumers, flushing on the way. Never throws: what goes wrong is
   * logged. After `timeoutMs` components are still told to stop, but no longer waited for; returns those that had not finished.
   */
  async stop(timeoutMs: number): Promise<readonly Node[]> {
    const current = this.#current;
    current.isEnding = true;
    const wasStarted = this.#expiry !== undefined;
    this.#expiry?.cancel();
    this.#expiry = undefined;
    const deadline = new Deadline(timeoutMs);
    await new Deadline(timeoutMs / 2).bound(this.#reload);
    const nodes = current.running;
    current.running = [];
    return windDown(nodes, deadline, { collect: wasStarted });
  }

  async #goOver(plan: GraphPlan, timeoutMs: number): Promise<Difference> {
    const before = this.#current.assembly;
    const attempt = (to: GraphPlan, manner: Manner): Promise<void> =>
      exchange(this.#current, to, { state: this.#state, timeoutMs, manner });
    try {
      await attempt(plan, 'overlap').catch((failure: unknown) => {
        if (!(failure instanceof StartFailure && failure.mayHelpInTurn)) throw failure;
        return attempt(plan, 'in_turn');
      });
    } catch (failure) {
      if (!(failure instanceof StartFailure)) throw failure;
      await attempt(before.plan, 'back');
      throw failure.errors;
    } finally {
      this.#forget();
    }
    return difference(before, this.#current.assembly);
  }

  /** Of components that are gone for good only the books stay. */
  #forget(): void {
    const keys = new Set(this.nodes.map((node) => node.key));
    for (const key of this.#state.histories.keys()) {
      if (!keys.has(key.slice(0, key.lastIndexOf(' ')))) this.#state.histories.delete(key);
    }
    this.#state.books.tidy();
  }
}
