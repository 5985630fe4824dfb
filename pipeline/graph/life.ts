import { asError } from '../../sdk/errors.ts';
import { startErrors } from '../errors.ts';
import { Deadline } from './deadline.ts';
import type { Node } from './node.ts';

export function isReceiver(node: Node): boolean {
  return node.id.kind === 'receiver';
}

/** Starts one after the other; all are tried. Returns what went wrong. */
export async function startAll(nodes: readonly Node[]): Promise<ReadonlyMap<Node, Error>> {
  const failures = new Map<Node, Error>();
  for (const node of nodes) {
    try {
      await node.start();
    } catch (thrown) {
      const describe = node.id.kind === 'extension' ? startErrors.extension : startErrors.component;
      failures.set(node, describe(node.id, node.plugin, asError(thrown)));
    }
  }
  return failures;
}

export interface WindDownOptions {
  /** Whether receivers that can be pulled collect a last time. */
  readonly collect?: boolean;
  /** Whether a component first gets the time to answer for what it was offered. */
  readonly patient?: boolean;
}

/**
 * Stops components for good, producers before consumers, each flushed. `nodes` are in the order of their making. Returns
 * those that had not finished at the deadline; what they held counts as dropped.
 */
export async function windDown(
  nodes: readonly Node[],
  deadline: Deadline,
  options: WindDownOptions = {},
): Promise<readonly Node[]> {
  const warning = deadline.warning();
  const unfinished: Node[] = [];
  const finish = async (node: Node): Promise<void> => {
    if (options.patient) await new Deadline(MAX_PATIENCE_MS).bound(node.idle());
    const finished = await deadline.bound(node.stop(warning.signal));
    if (finished) node.seat.stopped();
    else unfinished.push(node);
    node.account.closed(node, finished && node.id.kind === 'exporter' ? 'stored' : 'shutdown');
  };
  const dataWay = nodes.toReversed();
  const ofKind = (...kinds: string[]): readonly Node[] => dataWay.filter((node) => kinds.includes(node.id.kind));
  if (options.collect) await collectLast(nodes, deadline);
  await Promise.all(ofKind('receiver').map(finish));
  for (const node of ofKind('processor', 'connector')) await finish(node);
  await Promise.all(ofKind('exporter').map(finish));
  for (const node of ofKind('extension')) await finish(node);
  warning.release();
  return unfinished;
}

/** A receiver that hangs must leave the others time to stop. */
async function collectLast(nodes: readonly Node[], deadline: Deadline): Promise<void> {
  const points = nodes.flatMap((node) => node.point ?? []);
  await new Deadline(Math.min(LAST_COLLECTION_MS, deadline.leftMs / 2)).bound(
    Promise.all(points.map((point) => point.collect(0))),
  );
}

const LAST_COLLECTION_MS = 1000;
const MAX_PATIENCE_MS = 2000;
