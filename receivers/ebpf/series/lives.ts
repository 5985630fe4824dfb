import type { BpfMap } from 'bpflow/sdk';

/** An id that the kernel has given to a name. */
export interface Life {
  /** The entry's key in the kernel's map of names, while it is there. */
  name: Uint8Array<ArrayBuffer> | undefined;
  /** When something of it was last seen to grow, ms of the monotonic clock. */
  changedMs: number;
  /** The collection in which its name was deleted. */
  namelessSince: number | undefined;
}

export interface RetireOptions<L extends Life> {
  /** The kernel's map of names to ids. */
  readonly names: BpfMap;
  /** Number of the collection that runs. */
  readonly generation: number;
  readonly isIdle: (life: L, id: number) => boolean;
}

/**
 * Ends what is idle. First its name goes, so that nothing new can get its id; a collection later, if nothing came after all, the id
 * itself. Returns the ids whose entries are to be deleted now: they were read for the last time.
 */
export function retire<L extends Life>(lives: Map<number, L>, options: RetireOptions<L>): ReadonlySet<number> {
  const { names, generation, isIdle } = options;
  const ended = new Set<number>();
  for (const [id, life] of lives) {
    if (!isIdle(life, id)) {
      if (life.namelessSince !== undefined) revive(names, id, life);
    } else if (life.namelessSince === undefined) {
      if (life.name !== undefined) names.delete(life.name);
      life.namelessSince = generation;
    } else if (life.namelessSince < generation) {
      ended.add(id);
    }
  }
  for (const id of ended) lives.delete(id);
  return ended;
}

/** Somebody got the id just before the name went: the name comes back, unless a newer id has it by now. */
function revive(names: BpfMap, id: number, life: Life): void {
  life.namelessSince = undefined;
  if (life.name === undefined) return;
  try {
    names.update(life.name, new Uint8Array(Uint32Array.of(id, 0).buffer), 'create');
  } catch {
    life.name = undefined;
  }
}
