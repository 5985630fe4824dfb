import type { ObjectFacts } from '../kubernetes.ts';
import type { ApiObject } from './api-objects.ts';
import { Interner } from './interner.ts';
import { objectFacts } from './pod-facts.ts';
import type { Store } from './store.ts';
import type { Selection } from './wishes.ts';

export interface ObjectStoreOptions {
  readonly selection: () => Selection;
  /** Told the name of each that is new, changed or gone. */
  readonly changed: (name: string) => void;
}

/** Namespaces or nodes, by name. */
export class ObjectStore implements Store<ApiObject> {
  readonly #options: ObjectStoreOptions;
  readonly #objects = new Map<string, { readonly facts: ObjectFacts; list: number }>();
  #interner = new Interner();
  #selection: Selection;
  #list = 0;

  constructor(options: ObjectStoreOptions) {
    this.#options = options;
    this.#selection = options.selection();
  }

  get size(): number {
    return this.#objects.size;
  }

  get(name: string): ObjectFacts | undefined {
    return this.#objects.get(name)?.facts;
  }

  begin(): void {
    this.#list++;
    this.#selection = this.#options.selection();
    this.#interner = new Interner();
  }

  set({ metadata = {} }: ApiObject): void {
    const { name = '' } = metadata;
    const facts = objectFacts(metadata, this.#selection, this.#interner);
    const known = this.#objects.get(name);
    if (known !== undefined) {
      known.list = this.#list;
      if (sameObject(known.facts, facts)) return;
    }
    this.#objects.set(name, { facts, list: this.#list });
    this.#options.changed(name);
  }

  remove({ metadata = {} }: ApiObject): void {
    if (this.#objects.delete(metadata.name ?? '')) this.#options.changed(metadata.name ?? '');
  }

  complete(): void {
    for (const [name, { list }] of this.#objects) {
      if (list === this.#list) continue;
      this.#objects.delete(name);
      this.#options.changed(name);
    }
  }
}

/** Whether two say the same. */
export function sameObject(a: ObjectFacts, b: ObjectFacts): boolean {
  return a.uid === b.uid && sameFields(a.labels, b.labels) && sameFields(a.annotations, b.annotations);
}

function sameFields(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
