import type { Upstream } from '../../sdk/component.ts';
import type { Clock } from '../../sdk/scope.ts';
import type { Node, ReceiverNode } from './node.ts';

/** Counts of collections that exporters asked for. */
export interface PullTotals {
  collected: number;
  failed: number;
  late: number;
}

/**
 * Lets one receiver collect, one collection at a time. Whoever asks while one runs shares it, if it began recently enough
 * for him; else he waits for the next one.
 */
export class PullPoint {
  readonly node: ReceiverNode;
  readonly #clock: Clock;
  readonly #abort: AbortSignal;
  readonly #totals: PullTotals;
  #running: { readonly startedMs: number; readonly done: Promise<void> } | undefined;
  #lastStartedMs = Number.NEGATIVE_INFINITY;

  constructor(node: ReceiverNode, options: { clock: Clock; abort: AbortSignal; totals: PullTotals }) {
    this.node = node;
    this.#clock = options.clock;
    this.#abort = options.abort;
    this.#totals = options.totals;
  }

  /** Resolves when data that is at most `maxAgeMs` old was accepted, or when collecting it has failed. */
  async collect(maxAgeMs: number): Promise<void> {
    const oldest = this.#clock.monotonic() - maxAgeMs;
    if (this.#lastStartedMs >= oldest) return;
    while (this.#running !== undefined && this.#running.startedMs < oldest) await this.#running.done;
    this.#running ??= this.#start();
    await this.#running.done;
  }

  #start(): { readonly startedMs: number; readonly done: Promise<void> } {
    const startedMs = this.#clock.monotonic();
    const done = this.#run(startedMs).finally(() => {
      this.#running = undefined;
    });
    return { startedMs, done };
  }

  async #run(startedMs: number): Promise<void> {
    try {
      await this.node.call(() => this.node.component.collect!(this.#abort));
      this.#lastStartedMs = startedMs;
      this.#totals.collected++;
    } catch (thrown) {
      this.#totals.failed++;
      this.node.log.error('A collection failed.', { error: this.node.blame(thrown).message });
    }
  }
}

/** What feeds an exporter: the receivers that can be pulled, and what holds items on the way, in the order of the data's way. */
export interface Feed {
  readonly points: readonly PullPoint[];
  readonly holding: readonly Node[];
}

/** The feed of an exporter. `nodes` are in the order of their making: each after everything it hands data to. */
export function feedOf(
  exporter: Node,
  nodes: readonly Node[],
  downstream: ReadonlyMap<Node, ReadonlySet<Node>>,
  points: readonly PullPoint[],
): Feed {
  const upstream = new Set<Node>([exporter]);
  for (const node of nodes) {
    for (const next of downstream.get(node) ?? []) if (upstream.has(next)) upstream.add(node);
  }
  upstream.delete(exporter);
  return {
    points: points.filter((point) => upstream.has(point.node)),
    holding: nodes
      .toReversed()
      .filter((node) => upstream.has(node) && node.id.kind !== 'receiver' && 'flush' in node.component),
  };
}

/** The exporter's view on its feed, which is settled after the exporter was made. */
export function upstreamOf(feed: () => Feed | undefined, clock: Clock, totals: PullTotals): Upstream {
  return {
    get pullable() {
      return (feed()?.points.length ?? 0) > 0;
    },
    async collect({ maxAgeMs, timeoutMs }) {
      const current = feed();
      if (current === undefined) return 'fresh';
      const late = Promise.withResolvers<'late'>();
      const timer = clock.after(timeoutMs, () => late.resolve('late'));
      try {
        const outcome = await Promise.race([collectAll(current, maxAgeMs), late.promise]);
        if (outcome === 'late') totals.late++;
        return outcome;
      } finally {
        timer.cancel();
      }
    },
  };
}

async function collectAll(feed: Feed, maxAgeMs: number): Promise<'fresh'> {
  await Promise.all(feed.points.map((point) => point.collect(maxAgeMs)));
  await flushAll(feed.holding);
  return 'fresh';
}

/** Flushes in the given order; a failure is the component's own and stops nothing. */
export async function flushAll(nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    try {
      await node.flush();
    } catch (thrown) {
      node.log.error('Flushing failed.', { error: node.blame(thrown).message });
    }
  }
}
