import { type Batch, countItems, type Signal } from '../../pdata/signals.ts';
import { inheritClient } from '../../sdk/client.ts';
import type { Consumer, StatefulProcessor, TransformProcessor } from '../../sdk/component.ts';
import { PermanentError, type RetryableError } from '../../sdk/errors.ts';
import { isPromise } from './blame.ts';
import type { ConnectorNode, ExporterNode, Node } from './node.ts';

/** A consumer of the graph. Which signal it takes is settled when the graph is built. */
export type Edge = Consumer<Batch>;

/** A component's consume function for one signal, its type opened up. */
type Consume = (batch: Batch, abort: AbortSignal) => void | Promise<void>;

/**
 * What a component hands its batches to. Here back-pressure is enforced: whatever follows is asked first, in the same
 * tick, and a refused batch goes no further. Enters what was accepted as the component's output.
 */
export function outlet(node: Node, signal: Signal, next: Edge): Edge {
  return {
    refusal: (items) => next.refusal(items),
    consume(batch, abort) {
      const count = countItems(batch);
      if (count === 0) return;
      return settle(
        () => {
          const refusal = next.refusal(count);
          if (refusal !== undefined) throw turnedAway(refusal, signal, count);
          return next.consume(batch, abort);
        },
        () => {
          if (node.id.kind === 'receiver') node.ledger.received(signal, count);
          node.ledger.sent(signal, count);
        },
        (thrown) => {
          if (node.id.kind === 'receiver') node.ledger.refused(signal, count);
          return thrown;
        },
      );
    },
  };
}

/** Input of a processor without state: transforms, then hands on. Nothing is entered before the rest has accepted. */
export function transformInput(node: Node<TransformProcessor>, signal: Signal): Edge {
  const next = node.ways.get(signal)!;
  const transform = node.component.transform[signal] as ((batch: Batch) => Batch | undefined) | undefined;
  if (transform === undefined) throw new Error(`It has no transform for ${signal}.`);
  return {
    refusal: (items) => node.broken ?? next.refusal(items),
    consume(batch, abort) {
      const before = countItems(batch);
      const { result, declared } = node.ledger.collect(() =>
        node.call(() => transform.call(node.component.transform, batch)),
      );
      const after = result === undefined ? 0 : countItems(result);
      inheritClient(batch, result);
      const enter = (): void => {
        node.ledger.received(signal, before);
        node.ledger.sent(signal, after);
        node.ledger.enter(declared);
        enterDifference(node, before, after, declared);
      };
      if (result === undefined || after === 0) return enter();
      return tracked(
        node,
        settle(() => next.consume(result, abort), enter),
      );
    },
  };
}

/** Input of a processor with state. */
export function statefulInput(node: Node<StatefulProcessor>, signal: Signal): Edge {
  const next = node.outlets.get(signal)!;
  type ConsumeWithNext = (batch: Batch, next: Edge, abort: AbortSignal) => void | Promise<void>;
  const consume = node.component.consume[signal] as ConsumeWithNext | undefined;
  if (consume === undefined) throw new Error(`It has no consume for ${signal}.`);
  return {
    refusal: (items) => ownRefusal(node) ?? next.refusal(items),
    consume: entered(node, signal, (batch, abort) => consume.call(node.component.consume, batch, next, abort)),
  };
}

/** Input of an exporter. What it accepts and does not hold has left the graph. */
export function exporterInput(node: ExporterNode, signal: Signal): Edge {
  const consume = node.component.consume[signal] as Consume | undefined;
  if (consume === undefined) throw new Error(`It has no consume for ${signal}.`);
  return {
    refusal: (items) => ownRefusal(node, signal, items),
    consume: entered(node, signal, (batch, abort) => consume.call(node.component.consume, batch, abort)),
  };
}

/** Input of a connector: like a stateful processor's, except that what follows is asked where it hands on. */
export function connectorInput(node: ConnectorNode, signal: Signal): Edge {
  const outlets = [...node.outlets.values()];
  const consume = node.component.consume[signal] as Consume | undefined;
  if (consume === undefined) throw new Error(`It has no consume for ${signal}.`);
  return {
    refusal: (items) => ownRefusal(node) ?? firstRefusal(outlets, items),
    consume: entered(node, signal, (batch, abort) => consume.call(node.component.consume, batch, abort)),
  };
}

/** One branch of a fan-out. */
export interface Branch {
  readonly edge: Edge;
  /** Called when the branch failed although the batch was accepted elsewhere: its items are lost to it. */
  readonly lost: (count: number, error: Error) => void;
}

/**
 * Offers each batch to all branches or to none: every branch is asked in the same tick before the first gets it. A branch
 * that fails after that has lost the batch for itself; only when all fail is it the sender's to deal with.
 */
export function fanOut(branches: readonly Branch[]): Edge {
  if (branches.length === 1) return branches[0]!.edge;
  const edges = branches.map((branch) => branch.edge);
  return {
    refusal: (items) => firstRefusal(edges, items),
    consume(batch, abort) {
      const count = countItems(batch);
      const refusal = firstRefusal(edges, count);
      if (refusal !== undefined) throw turnedAway(refusal, batch.signal, count);
      const failures = new Map<Branch, Error>();
      const waiting: Promise<unknown>[] = [];
      for (const branch of branches) {
        const failed = (thrown: unknown): void => void failures.set(branch, thrown as Error);
        try {
          const outcome = branch.edge.consume(batch, abort);
          if (isPromise(outcome)) waiting.push(Promise.resolve(outcome).catch(failed));
        } catch (thrown) {
          failed(thrown);
        }
      }
      const conclude = (): void => {
        if (failures.size === branches.length) throw worst([...failures.values()]);
        for (const [branch, error] of failures) branch.lost(count, error);
      };
      return waiting.length === 0 ? conclude() : Promise.all(waiting).then(conclude);
    },
  };
}

/** A branch's loss is entered where the branch begins: it came in and was dropped. */
export function branchTo(node: Node, signal: Signal, edge: Edge): Branch {
  return {
    edge,
    lost(count, error) {
      node.ledger.lost(signal, count);
      node.log.error('A batch was lost on this branch after others had accepted it.', {
        error: error.message,
        dropped_items: count,
        'otelcol.signal': signal,
      });
    },
  };
}

function firstRefusal(edges: readonly Edge[], items?: number): RetryableError | undefined {
  for (const edge of edges) {
    const refusal = edge.refusal(items);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Offering again makes sense only when every branch may take it then. */
function worst(errors: readonly Error[]): Error {
  return errors.find((error) => error instanceof PermanentError) ?? errors[0]!;
}

/** Which component a refusal is of. */
const refusers = new WeakMap<Error, Node>();

/** Tells the component that refused what its refusal has turned away. */
function turnedAway(refusal: RetryableError, signal: Signal, count: number): RetryableError {
  const refuser = refusers.get(refusal);
  const component = refuser?.component as { refused?(items: number, signal: Signal): void } | undefined;
  try {
    component?.refused?.(count, signal);
  } catch (thrown) {
    refuser!.log.error('The component failed when told what it refused.', { error: refuser!.blame(thrown).message });
  }
  return refusal;
}

/** A component that cannot say whether it refuses does not refuse: its consume will tell. */
function ownRefusal(node: Node, signal?: Signal, items?: number): RetryableError | undefined {
  if (node.broken !== undefined) return node.broken;
  const component = node.component as { refusal?(signal?: Signal, items?: number): RetryableError | undefined };
  if (component.refusal === undefined) return undefined;
  try {
    const refusal = component.refusal(signal, items);
    if (refusal === undefined) return undefined;
    const blamed = node.blame(refusal) as RetryableError;
    refusers.set(blamed, node);
    return blamed;
  } catch (thrown) {
    node.log.error('The component failed when asked whether it refuses data.', { error: node.blame(thrown).message });
    return undefined;
  }
}

function entered(node: Node, signal: Signal, consume: Consume): Consume {
  return (batch, abort) => {
    const count = countItems(batch);
    return tracked(
      node,
      settle(
        () => node.call(() => consume(batch, abort)),
        () => node.ledger.received(signal, count),
        (thrown) => {
          node.ledger.refused(signal, count);
          return node.blame(thrown);
        },
      ),
    );
  };
}

/** A component that is replaced is not stopped before it has answered for what it was offered. */
function tracked(node: Node, answer: void | Promise<void>): void | Promise<void> {
  return isPromise(answer) ? node.during(answer) : answer;
}

function enterDifference(
  node: Node,
  before: number,
  after: number,
  declared: { created: ReadonlyMap<string, number>; dropped: ReadonlyMap<string, number>; merged: number },
): void {
  let difference = before - after - declared.merged;
  for (const count of declared.created.values()) difference += count;
  for (const count of declared.dropped.values()) difference -= count;
  if (difference > 0) node.ledger.drop(difference, 'filtered');
  if (difference < 0) node.ledger.create(-difference, 'transformed');
}

/** Runs a call that may be asynchronous; synchronous calls stay so. */
function settle(
  call: () => void | Promise<void>,
  accepted: () => void,
  failed: (thrown: unknown) => unknown = (thrown) => thrown,
): void | Promise<void> {
  let outcome: void | Promise<void>;
  try {
    outcome = call();
  } catch (thrown) {
    throw failed(thrown);
  }
  if (!isPromise(outcome)) return accepted();
  return outcome.then(accepted, (thrown: unknown) => {
    throw failed(thrown);
  });
}
