/** Values by keys that several may have for a while, as an address that goes from one pod to the next. */
export class MultiIndex<T> {
  readonly #values = new Map<string, T | readonly T[]>();

  /** The one that was added last. */
  get(key: string): T | undefined {
    const found = this.#values.get(key);
    return Array.isArray(found) ? found.at(-1) : (found as T | undefined);
  }

  add(key: string, value: T): void {
    const known = this.#all(key).filter((each) => each !== value);
    this.#values.set(key, known.length === 0 ? value : [...known, value]);
  }

  remove(key: string, value: T): void {
    const left = this.#all(key).filter((each) => each !== value);
    if (left.length === 0) this.#values.delete(key);
    else this.#values.set(key, left.length === 1 ? left[0]! : left);
  }

  #all(key: string): readonly T[] {
    const found = this.#values.get(key);
    return found === undefined ? [] : Array.isArray(found) ? found : [found as T];
  }
}
