import type { Signal } from '../../pdata/signals.ts';
import type { Node } from './node.ts';
import type { GraphPlan } from './plan.ts';
import type { Feed } from './pull.ts';
import type { Stage } from './seat.ts';
import { join, type Target } from './wiring.ts';

/** The instances that a plan asks for, and how they are to be wired. Data, until it is put into force. */
export interface Assembly {
  readonly plan: GraphPlan;
  readonly stage: Stage;
  readonly extensions: readonly Node[];
  /** In the order of their making: each after everything it hands data to. */
  readonly nodes: readonly Node[];
  /** Those that were made for it. The others ran before. */
  readonly made: ReadonlySet<Node>;
  readonly wires: readonly Wire[];
  readonly feeds: ReadonlyMap<Node, Feed>;
}

/** Where an outlet is to lead. */
export interface Wire {
  readonly node: Node;
  readonly signal: Signal;
  readonly targets: readonly Target[];
}

export function allOf(assembly: Assembly): readonly Node[] {
  return [...assembly.extensions, ...assembly.nodes];
}

/** Wires what was made; nothing that ran before is touched. */
export function connectMade({ wires, made, feeds }: Assembly): void {
  for (const wire of wires) if (made.has(wire.node)) connect(wire);
  for (const [node, feed] of feeds) if (made.has(node)) node.feed = feed;
}

/** Puts it into force, in one tick: a batch goes all of its way in the old graph or in the new one. */
export function enforce(assembly: Assembly): void {
  assembly.stage.adopt();
  for (const wire of assembly.wires) connect(wire);
  for (const [node, feed] of assembly.feeds) node.feed = feed;
  for (const node of allOf(assembly)) node.seat.show();
}

function connect({ node, signal, targets }: Wire): void {
  node.ways.get(signal)!.lead(
    join(targets),
    targets.map((target) => target.node),
  );
}
