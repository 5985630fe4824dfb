/** Takes what a list and a watch bring. */
export interface Store<T> {
  /** A list begins: what is there stays, and goes at {@link complete} unless it is set again until then. */
  begin(): void;
  set(object: T): void;
  remove(object: T): void;
  complete(): void;
  readonly size: number;
}
