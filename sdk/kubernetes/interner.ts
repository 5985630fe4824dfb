import type { OwnerFacts } from '../kubernetes.ts';

/** Texts, and lists of owners, that many objects share are kept once. */
export class Interner {
  readonly #texts = new Map<string, string>();
  readonly #owners = new Map<string, readonly OwnerFacts[]>();

  readonly text = (text: string): string => {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  };

  readonly owners = (owners: readonly OwnerFacts[]): readonly OwnerFacts[] => {
    const key = owners.map(({ kind, name, uid = '' }) => `${kind}\0${name}\0${uid}`).join('\0');
    const known = this.#owners.get(key);
    if (known !== undefined) return known;
    if (this.#owners.size >= MAX_TEXTS) this.#owners.clear();
    this.#owners.set(key, owners);
    return owners;
  };
}

/** A cluster of 5,000 pods has some 1,500 names of namespaces, nodes, workloads and images. */
const MAX_TEXTS = 8192;
