import type { BpfObject } from 'bpflow/sdk';
import type { Plan, Role } from './ladder.ts';
import type { KernelOptions } from './options.ts';
import type { ObjectName } from './parts.ts';

/** One object of the kernel half: when it is loaded, what its programs do, and how it is prepared. */
export interface KernelPart {
  /** Hashes of the structs that user space reads, by name. */
  readonly layouts: Readonly<Record<string, string>>;
  /** It times or tells what comes often, so that only one in so many may be picked. */
  readonly isSampled?: boolean;
  isWanted(options: KernelOptions): boolean;
  /** What is to be done by its programs. */
  roles(options: KernelOptions): readonly PartRole[];
  /** Whether it is left out where no program of it is to run. */
  needsPrograms?(options: KernelOptions): boolean;
  /**
   * Sizes its maps, leaves out those that the plan does not use, and sets the constants of its programs, before it is loaded. What
   * maps have room for is what keeps all of them below 64 MiB on 64 CPUs with every group on: an entry of a map by CPU has a
   * value for each. What finds no room is `other`.
   */
  prepare?(object: BpfObject, preparation: Preparation): void;
  /** Makes what must be in its maps before the first program runs. */
  begin?(object: BpfObject): void;
}

/** A role of a part's own object. */
export type PartRole = Omit<Role, 'object'>;

/** What an object is prepared for. */
export interface Preparation {
  readonly options: KernelOptions;
  readonly plan: Plan;
  /** Objects that are loaded already. */
  readonly loaded: ReadonlyMap<ObjectName, BpfObject>;
}

/** Makes an entry of zeros, for what finds no room in a map. `words`: its key. */
export function makeOther(object: BpfObject, name: string, ...words: readonly number[]): void {
  const map = object.map(name);
  map.update(new Uint8Array(Uint32Array.from(words).buffer), new Uint8Array(map.stride), 'any');
}
