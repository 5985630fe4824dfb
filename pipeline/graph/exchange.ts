import { RetryableError } from '../../sdk/errors.ts';
import { PipelineErrors, reloadErrors } from '../errors.ts';
import { Assembler } from './assemble.ts';
import { type Assembly, allOf, enforce } from './assembly.ts';
import type { GraphState } from './build.ts';
import { Deadline } from './deadline.ts';
import { isReceiver, startAll, windDown } from './life.ts';
import type { Node } from './node.ts';
import type { GraphPlan } from './plan.ts';
import { flushAll } from './pull.ts';

/** What runs. */
export interface Current {
  /** In force. */
  assembly: Assembly;
  /** Every instance that is not stopped: those in force first, each group in the order of its making. */
  running: readonly Node[];
  /** Settles when everything that was replaced has handed on what it held. */
  draining: Promise<void>;
  /** Set once the graph is being stopped: nothing is started any more. */
  isEnding: boolean;
}

/**
 * `overlap`: the new instances start beside the old ones, so that no batch waits. `in_turn`: the old ones stop first, and
 * what comes meanwhile is refused. `back`: in turn, and what cannot start is left out, refusing what it is offered.
 */
export type Manner = 'overlap' | 'in_turn' | 'back';

/** Some components could not be started. Those that could, run. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly errors: PipelineErrors;
  /** Whether what stands in their way may be what they replace. */
  readonly mayHelpInTurn: boolean;

  constructor(errors: readonly Error[], mayHelpInTurn: boolean) {
    const all = new PipelineErrors(errors);
    super(all.message);
    this.errors = all;
    this.mayHelpInTurn = mayHelpInTurn;
  }
}

/**
 * Moves what runs towards a plan: instances that are what it asks for stay, others are made, started, wired, and those that
 * are left over are drained and stopped. Throws PipelineErrors when something cannot be made, before anything was touched.
 */
export async function exchange(
  current: Current,
  plan: GraphPlan,
  { state, timeoutMs, manner }: { readonly state: GraphState; readonly timeoutMs: number; readonly manner: Manner },
): Promise<void> {
  const next = await assembled(current, plan, state);
  const staying = new Set(allOf(next));
  const gone = current.running.filter((node) => !staying.has(node));
  const inTurn = manner !== 'overlap' || cannotOverlap(gone, next);
  current.running = [...allOf(next), ...gone];

  const stop = async (nodes: readonly Node[]): Promise<void> => {
    for (const node of await windDown(nodes, new Deadline(timeoutMs), { collect: true, patient: true })) {
      node.log.error('The replaced component did not stop in time; what it held is lost.');
    }
    for (const node of nodes) node.seat.leave();
    current.running = current.running.filter((node) => !nodes.includes(node));
  };
  const start = async (nodes: readonly Node[], mayHelpInTurn: boolean): Promise<void> => {
    if (current.isEnding) throw reloadErrors.ending();
    const failures = await startAll(nodes.filter((node) => next.made.has(node)));
    if (failures.size === 0) return;
    if (manner === 'back') return leaveOut(failures);
    await stop([...next.made].filter((node) => !node.isStarted));
    throw new StartFailure([...failures.values()], mayHelpInTurn);
  };

  const goneReceivers = gone.filter(isReceiver);
  const goneOthers = gone.filter((node) => !isReceiver(node));
  if (inTurn) {
    await stop(goneReceivers);
    await closeWaysTo(goneOthers, next);
    await stop(goneOthers);
  }
  await start(next.extensions, !inTurn && gone.length > 0);
  await start(
    next.nodes.filter((node) => !isReceiver(node)),
    !inTurn && gone.length > 0,
  );
  if (!inTurn) await flushShortly(goneOthers);
  enforce(next);
  current.assembly = next;
  if (!inTurn) await stop(goneReceivers);
  await start(next.nodes.filter(isReceiver), false);
  if (!inTurn) current.draining = stop(goneOthers);
}

async function assembled(current: Current, plan: GraphPlan, state: GraphState): Promise<Assembly> {
  const assembler = new Assembler(
    plan,
    state,
    current.running.filter((node) => node.isStarted),
  );
  const assembly = assembler.assemble();
  if (assembler.errors.length === 0) return assembly;
  await windDown([...assembly.made], new Deadline(0));
  for (const node of assembly.made) node.seat.leave();
  throw new PipelineErrors(assembler.errors);
}

/** Two instances of one type that both say they must be alone. */
function cannotOverlap(gone: readonly Node[], { made }: Assembly): boolean {
  return gone.some(
    ({ planned }) =>
      planned.entry.spec.exclusive === true && [...made].some((node) => node.planned.entry.spec === planned.entry.spec),
  );
}

/** Flushes and closes every outlet of the staying ones that leads to what goes. */
async function closeWaysTo(gone: readonly Node[], { nodes, made }: Assembly): Promise<void> {
  const feeding = nodes.filter(
    (node) =>
      !made.has(node) && [...node.ways.values()].some((way) => way.reaches.some((reached) => gone.includes(reached))),
  );
  await flushShortly(feeding);
  for (const node of feeding) {
    for (const way of node.ways.values()) if (way.reaches.some((reached) => gone.includes(reached))) way.close();
  }
}

/** What is held leaves in the order in which it came, where that does not take long. */
async function flushShortly(nodes: readonly Node[]): Promise<void> {
  const holding = nodes.filter((node) => node.id.kind === 'processor' || node.id.kind === 'connector').toReversed();
  await new Deadline(MAX_FLUSH_MS).bound(flushAll(holding));
}

const MAX_FLUSH_MS = 1000;

/** They were running before: the graph goes on without them, and data waits with its sender. */
function leaveOut(failures: ReadonlyMap<Node, Error>): void {
  for (const [node, error] of failures) {
    node.broken = node.blame(new RetryableError(`It does not run: ${error.message}`)) as RetryableError;
    node.seat.unavailable(error.message);
    node.log.error('The component could not be started again. What it is offered is refused until a reload succeeds.', {
      error: error.message,
    });
  }
}
