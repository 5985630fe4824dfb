import { identifyCgroup } from 'bpflow/containers';
import type { BpfMap, BpfObject } from 'bpflow/sdk';
import { AgentCgroup, Node, USER_RANGES } from '../../../bpf/process.gen.ts';
import type { UserRange } from '../filters/users.ts';
import { MapBuffer } from './map-buffer.ts';
import { inHostNamespace } from './needs.ts';

/** What counts: everything on the host, or what runs in the agent's pod. `auto`: the pod, where the agent sees only its own processes. */
export const SCOPES = ['auto', 'host', 'pod'] as const;
export type ScopeName = (typeof SCOPES)[number];

/** Who is left out by the kernel half itself. */
export interface KernelScopeOptions {
  /** Empty: nobody by the user. */
  readonly users: readonly UserRange[];
  readonly scope: ScopeName;
}

/** To be called before the object is loaded. */
export function setUserKnobs(object: BpfObject, users: readonly UserRange[]): void {
  const ranges = new Uint32Array(USER_RANGES * 2);
  for (const [i, { first, last }] of users.entries()) ranges.set([first, last], i * 2);
  object.setGlobal('user_ranges', users.length);
  object.setGlobal('users', new Uint8Array(ranges.buffer));
}

/** A cgroup with its path below the root of the tree. */
export interface ScopeCgroup {
  readonly id: bigint;
  readonly path: string;
}

/**
 * The cgroup outside which nothing counts; undefined: all counts. To be called when the agent has been learned. Throws where a
 * pod is asked for and the agent is in none.
 */
export function scopeCgroup(agentCgroups: BpfMap, scope: ScopeName): ScopeCgroup | undefined {
  if (scope === 'host' || (scope === 'auto' && inHostNamespace('pid'))) return undefined;
  const pod = podOf(readCgroups(agentCgroups));
  if (pod === undefined && scope === 'pod') {
    throw new Error('scope: pod: the agent runs in no pod, so nothing would count. Remove it, or set it to host.');
  }
  return pod;
}

/** To be called before the first program runs. */
export function setScope(node: BpfMap, id: bigint): void {
  const first = new Uint8Array(4);
  const words = new Uint32Array(Node.WORDS);
  const bytes = new Uint8Array(words.buffer);
  node.lookup(first, bytes);
  words.set([Number(id & 0xffffffffn), Number(id >> 32n)], Node.WORD.scope);
  node.update(first, bytes, 'any');
}

/** The uppermost cgroup that is of the pod: those of its containers are below. `way`: from the agent's own up to the root. */
export function podOf(way: readonly { readonly id: bigint; readonly name: string }[]): ScopeCgroup | undefined {
  const names = way.map(({ name }) => name).reverse();
  const pathTo = (depth: number) => `/${names.slice(1, depth + 1).join('/')}`;
  const uid = identifyCgroup(pathTo(names.length - 1)).podUid;
  if (uid === undefined) return undefined;
  const depth = names.findIndex((_, i) => identifyCgroup(pathTo(i)).podUid === uid);
  return { id: way.at(-1 - depth)!.id, path: pathTo(depth) };
}

function readCgroups(map: BpfMap): { readonly id: bigint; readonly name: string }[] {
  const buffer = new MapBuffer(map, { batch: false });
  const cgroup = new AgentCgroup();
  const entries = Array.from({ length: buffer.read() }, (_, i) => i);
  return entries
    .sort((a, b) => buffer.keys[a]! - buffer.keys[b]!)
    .map((entry) => {
      const { id, name } = cgroup.move(buffer.values, entry * buffer.entryWords);
      return { id, name };
    })
    .filter(({ id }) => id !== 0n);
}
