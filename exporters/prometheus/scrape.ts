import { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { type PageStore, TextWriter, type View, writePage } from 'bpflow/prometheus';
import type { Clock, Logger, Upstream } from 'bpflow/sdk';
import { asError } from 'bpflow/sdk';

const compress = promisify(gzip);

/** A scrape asks for data not older than this. */
const MAX_AGE_MS = 1000;
/** Then the page is served as it is. */
const COLLECT_TIMEOUT_MS = 1000;
/** Pages that slow readers may keep alive at a time. */
const MAX_PAGES = 4;

/** A body to send. It is shared and must not be changed; `release` says that nobody here needs it any more. */
export interface PageLease {
  readonly body: Buffer;
  release(): void;
}

export interface ScrapeResult {
  readonly lease: PageLease;
  readonly collected: 'fresh' | 'late' | 'failed' | 'pushed';
}

export interface ScraperOptions {
  readonly store: PageStore;
  readonly upstream: Upstream;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a scrape makes the receivers collect. */
  readonly onScrape: boolean;
}

/**
 * Answers scrapes. Those that come at once share one collection, one page and one compression; a page is written again
 * only when something on it may have changed; its memory is used again once its last reader is done.
 */
export class Scraper {
  readonly #options: ScraperOptions;
  #collecting: Promise<'fresh' | 'late' | 'failed'> | undefined;
  readonly #current = new Map<string, Page>();
  /** Pages that somebody still reads or that are current, oldest first. */
  readonly #alive = new Set<Page>();
  #spare: Buffer | undefined;

  constructor(options: ScraperOptions) {
    this.#options = options;
  }

  /** `evict` is called when the reader is so slow that newer pages need the memory; it must end the reading. */
  async scrape(view: View, gzipped: boolean, evict: () => void): Promise<ScrapeResult> {
    const { store, upstream, clock, onScrape } = this.#options;
    const collected = onScrape && upstream.pullable ? await this.#collect() : 'pushed';
    store.expire(clock.monotonic());
    const page = this.#page(view);
    const reader = page.open(evict);
    try {
      const body = gzipped ? await page.gzipped() : page.body;
      return { collected, lease: { body, release: () => this.#close(page, reader) } };
    } catch (error) {
      this.#close(page, reader);
      throw error;
    }
  }

  /** Bytes of the page last written. */
  get pageBytes(): number {
    let bytes = 0;
    for (const page of this.#current.values()) bytes = Math.max(bytes, page.body.length);
    return bytes;
  }

  #collect(): Promise<'fresh' | 'late' | 'failed'> {
    this.#collecting ??= this.#options.upstream
      .collect({ maxAgeMs: MAX_AGE_MS, timeoutMs: COLLECT_TIMEOUT_MS })
      .catch((error: unknown) => {
        this.#options.log.warn('A scrape was answered with the last values, because collecting failed.', {
          error: asError(error).message,
        });
        return 'failed' as const;
      })
      .finally(() => {
        this.#collecting = undefined;
      });
    return this.#collecting;
  }

  #page(view: View): Page {
    const key = `${view.openMetrics} ${view.utf8}`;
    const current = this.#current.get(key);
    if (current?.version === this.#options.store.version) return current;
    if (current !== undefined) {
      this.#current.delete(key);
      this.#recycle(current);
    }
    this.#makeRoom();
    const writer = new TextWriter(this.#spare ?? Buffer.allocUnsafeSlow(64 * 1024));
    this.#spare = undefined;
    writePage(this.#options.store, view, writer);
    const page = new Page(this.#options.store.version, writer.buffer, writer.length);
    this.#current.set(key, page);
    this.#alive.add(page);
    return page;
  }

  /** Ends the reading of the oldest pages that nobody new will get. */
  #makeRoom(): void {
    for (const page of this.#alive) {
      if (this.#alive.size < MAX_PAGES + this.#current.size) return;
      if (this.#isCurrent(page)) continue;
      this.#alive.delete(page);
      page.evict();
    }
  }

  #close(page: Page, reader: object): void {
    if (page.close(reader) && !this.#isCurrent(page)) this.#recycle(page);
  }

  #recycle(page: Page): void {
    if (page.readers > 0) return;
    // Memory of a page that was once much larger is given back.
    if (this.#alive.delete(page) && page.memory.length <= 4 * page.body.length) this.#spare = page.memory;
  }

  #isCurrent(page: Page): boolean {
    for (const current of this.#current.values()) if (current === page) return true;
    return false;
  }
}

/** One rendering, with those who read it. */
class Page {
  readonly version: number;
  readonly memory: Buffer;
  readonly body: Buffer;
  readonly #readers = new Map<object, () => void>();
  #gzipped: Promise<Buffer> | undefined;

  constructor(version: number, memory: Buffer, length: number) {
    this.version = version;
    this.memory = memory;
    this.body = memory.subarray(0, length);
  }

  get readers(): number {
    return this.#readers.size;
  }

  open(evict: () => void): object {
    const reader = {};
    this.#readers.set(reader, evict);
    return reader;
  }

  /** False when the reader was closed before. */
  close(reader: object): boolean {
    return this.#readers.delete(reader);
  }

  evict(): void {
    for (const evict of [...this.#readers.values()]) evict();
  }

  /** Speed before size: level 1 takes half the time of the default, for pages that are a twentieth larger. */
  gzipped(): Promise<Buffer> {
    this.#gzipped ??= compress(this.body, { level: constants.Z_BEST_SPEED });
    return this.#gzipped;
  }
}
