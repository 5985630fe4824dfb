import type { MessageWriter } from './message-writer.ts';

/** Paths that were written to are remembered up to so many; others are continued then, never emptied. */
const MAX_REMEMBERED = 65_536;

/** The writers of an exporter, at most so many at a time. */
export class Writers {
  readonly #make: (path: string, isNew: boolean) => MessageWriter;
  readonly #maxOpen: number;
  /** The one used last comes last. */
  readonly #open = new Map<string, MessageWriter>();
  /** Those that make room, until all they hold is written. */
  readonly #leaving = new Map<string, { readonly writer: MessageWriter; readonly left: Promise<void> }>();
  readonly #seen = new Set<string>();

  /** `isNew`: nothing was written to the path before, so that it may be emptied. */
  constructor(maxOpen: number, make: (path: string, isNew: boolean) => MessageWriter) {
    this.#maxOpen = maxOpen;
    this.#make = make;
  }

  get all(): readonly MessageWriter[] {
    return [...this.#open.values(), ...Array.from(this.#leaving.values(), ({ writer }) => writer)];
  }

  /** The writer of a path; a promise of it while the last one of that path is being closed. */
  get(path: string): MessageWriter | Promise<MessageWriter> {
    const known = this.#open.get(path);
    if (known !== undefined) {
      if (this.#maxOpen > 1) {
        this.#open.delete(path);
        this.#open.set(path, known);
      }
      return known;
    }
    const leaving = this.#leaving.get(path);
    if (leaving !== undefined) return leaving.left.then(() => this.get(path));
    const isNew = !this.#seen.has(path) && this.#seen.size < MAX_REMEMBERED;
    if (isNew) this.#seen.add(path);
    const writer = this.#make(path, isNew);
    this.#open.set(path, writer);
    if (this.#open.size > this.#maxOpen) this.#letGo();
    return writer;
  }

  async flush(): Promise<void> {
    await Promise.all(Array.from(this.#open.values(), (writer) => writer.flush()));
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#leaving.values(), ({ left }) => left));
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((writer) => writer.close()));
  }

  /** Closes the one that was not used for longest. One that fails keeps what it holds, and stays until it can write. */
  #letGo(): void {
    const oldest = [...this.#open].find(([, writer]) => writer.failure === undefined || writer.bytes === 0);
    if (oldest === undefined) return;
    const [path, writer] = oldest;
    this.#open.delete(path);
    const left = writer.flush().then(async () => {
      if (writer.bytes > 0) this.#open.set(path, writer);
      else await writer.close();
      this.#leaving.delete(path);
    });
    this.#leaving.set(path, { writer, left });
  }
}
