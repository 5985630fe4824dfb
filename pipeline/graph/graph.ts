import { asError } from '../../sdk/errors.ts';
import type { Clock, Timer } from '../../sdk/scope.ts';
import { PipelineErrors, startErrors } from '../errors.ts';
import type { ExpiringConverter } from './build.ts';
import { Deadline } from './deadline.ts';
import type { Node } from './node.ts';
import type { PullPoint, PullTotals } from './pull.ts';

const EXPIRE_EVERY_MS = 60_000;
const LAST_COLLECTION_MS = 1000;

export interface GraphParts {
  readonly extensions: readonly Node[];
  /** In the order of their making: each after everything it hands data to. */
  readonly nodes: readonly Node[];
  readonly points: readonly PullPoint[];
  readonly pullTotals: Readonly<PullTotals>;
  readonly converters: readonly ExpiringConverter[];
  readonly clock: Clock;
}

/** The wired components and their life. */
export class Graph {
  readonly extensions: readonly Node[];
  readonly nodes: readonly Node[];
  readonly pullTotals: Readonly<PullTotals>;
  readonly #points: readonly PullPoint[];
  readonly #converters: readonly ExpiringConverter[];
  readonly #clock: Clock;
  readonly #stopped = new Set<Node>();
  #expiry: Timer | undefined;

  constructor(parts: GraphParts) {
    this.extensions = parts.extensions;
    this.nodes = parts.nodes;
    this.pullTotals = parts.pullTotals;
    this.#points = parts.points;
    this.#converters = parts.converters;
    this.#clock = parts.clock;
  }

  /**
   * Starts extensions, then consumers, then receivers. Within each of the three all are tried; when some fail the next do
   * not start. Throws PipelineErrors with every failure; the caller then stops the graph.
   */
  async start(started: (node: Node) => void = () => {}): Promise<void> {
    await startAll(this.extensions, started);
    await startAll(
      this.nodes.filter((node) => node.id.kind !== 'receiver'),
      started,
    );
    await startAll(
      this.nodes.filter((node) => node.id.kind === 'receiver'),
      started,
    );
    this.#expiry = this.#clock.every(EXPIRE_EVERY_MS, () => {
      for (const converter of this.#converters) converter.expire(this.#clock.now());
    });
  }

  /**
   * Collects a last time, then stops producers before consumers, flushing on the way. Never throws: what goes wrong is
   * logged. After `timeoutMs` components are still told to stop, but no longer waited for; returns those that had not finished.
   */
  async stop(timeoutMs: number, stopped: (node: Node) => void = () => {}): Promise<readonly Node[]> {
    this.#expiry?.cancel();
    const deadline = new Deadline(timeoutMs);
    const warning = deadline.warning();
    const unfinished: Node[] = [];
    const finish = async (node: Node): Promise<void> => {
      if (this.#stopped.has(node)) return;
      this.#stopped.add(node);
      const finished = await deadline.bound(stopNode(node, warning.signal));
      if (finished) stopped(node);
      else unfinished.push(node);
    };
    if (this.#expiry !== undefined) await this.#collectLast(timeoutMs);
    const dataWay = this.nodes.toReversed();
    await Promise.all(dataWay.filter((node) => node.id.kind === 'receiver').map(finish));
    for (const node of dataWay) await finish(node);
    for (const node of this.extensions.toReversed()) await finish(node);
    warning.release();
    this.#expiry = undefined;
    return unfinished;
  }

  /** A receiver that hangs must leave the others time to stop. */
  async #collectLast(timeoutMs: number): Promise<void> {
    const deadline = new Deadline(Math.min(LAST_COLLECTION_MS, timeoutMs / 2));
    await deadline.bound(Promise.all(this.#points.map((point) => point.collect(0))));
  }
}

async function startAll(nodes: readonly Node[], started: (node: Node) => void): Promise<void> {
  const errors: Error[] = [];
  for (const node of nodes) {
    try {
      await node.component.start?.();
      started(node);
    } catch (thrown) {
      const describe = node.id.kind === 'extension' ? startErrors.extension : startErrors.component;
      errors.push(describe(node.id, node.plugin, asError(thrown)));
    }
  }
  if (errors.length > 0) throw new PipelineErrors(errors);
}

async function stopNode(node: Node, abort: AbortSignal): Promise<void> {
  for (const step of [() => node.flush(), () => node.component.stop?.(abort)]) {
    try {
      await step();
    } catch (thrown) {
      node.log.error('The component failed while stopping.', { error: asError(thrown).message });
    }
  }
}
