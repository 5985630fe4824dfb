import type { CgroupIdentity } from 'bpflow/containers';
import type { ContainerVerdict } from './container-filter.ts';

/** How long what a container counts is kept while nobody knows its name. */
const PATIENCE_MS = 30_000;

/** Whether a container's counts go on: `waiting` while nobody knows its name. */
export interface Gate {
  readonly state: 'open' | 'closed' | 'waiting';
}

interface Watched {
  state: Gate['state'];
  readonly identity: CgroupIdentity;
  readonly sinceMs: number;
}

/** The gates of all containers, asked anew at each collection until they open. A gate that is open stays so. */
export class Gates {
  readonly #verdict: ContainerVerdict;
  readonly #gates = new Map<string, Watched>();

  constructor(verdict: ContainerVerdict) {
    this.#verdict = verdict;
  }

  /** The one gate of an identity. */
  of(identity: CgroupIdentity, nowMs: number): Gate {
    const key = JSON.stringify([identity.containerId, identity.containerName, identity.podUid]);
    let gate = this.#gates.get(key);
    if (gate === undefined) {
      gate = { state: 'waiting', identity, sinceMs: nowMs };
      this.#ask(gate, nowMs);
      this.#gates.set(key, gate);
    }
    return gate;
  }

  /** To be called at the beginning of each collection. */
  askAgain(nowMs: number): void {
    for (const gate of this.#gates.values()) if (gate.state !== 'open') this.#ask(gate, nowMs);
  }

  /** Forgets all but these. */
  keep(used: ReadonlySet<Gate>): void {
    for (const [key, gate] of this.#gates) if (!used.has(gate)) this.#gates.delete(key);
  }

  #ask(gate: Watched, nowMs: number): void {
    const verdict = this.#verdict(gate.identity);
    if (verdict !== undefined) gate.state = verdict ? 'open' : 'closed';
    else if (nowMs - gate.sinceMs >= PATIENCE_MS) gate.state = 'closed';
  }
}
