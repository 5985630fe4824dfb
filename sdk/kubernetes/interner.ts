/** Texts that many objects share are kept once. */
export class Interner {
  readonly #texts = new Map<string, string>();

  readonly text = (text: string): string => {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  };
}

/** A cluster of 5,000 pods has some 1,500 names of namespaces, nodes, workloads and images. */
const MAX_TEXTS = 8192;
