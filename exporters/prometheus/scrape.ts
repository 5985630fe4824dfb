import { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { type PageStore, TextWriter, type View, viewKey, writePage } from 'bpflow/prometheus';
import type { Clock, Logger, Upstream } from 'bpflow/sdk';
import { asError } from 'bpflow/sdk';

const compress = promisify(gzip);

/** A scrape asks for data not older than this. */
const MAX_AGE_MS = 1000;
/** Then the page is served as it is. */
const COLLECT_TIMEOUT_MS = 1000;
/** Looking for expired series costs a little for each, so a flood of scrapes looks only so often. */
const EXPIRE_EVERY_MS = 20;
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
  #expiredAt = Number.NEGATIVE_INFINITY;

  constructor(options: ScraperOptions) {
    this.#options = options;
  }

  /**
   * `patienceMs` is how long the reader can wait for fresh data; infinite when it does not say. `evict` is called when the
   * reader is so slow that newer pages need the memory; it must end the reading. Nothing is waited for without need.
   */
  scrape(view: View, gzipped: boolean, patienceMs: number, evict: () => void): ScrapeResult | Promise<ScrapeResult> {
    const { upstream, onScrape } = this.#options;
    if (!onScrape || !upstream.pullable) return this.#answer('pushed', view, gzipped, evict);
    return this.#collect(patienceMs).then((collected) => this.#answer(collected, view, gzipped, evict));
  }

  #answer(
    collected: ScrapeResult['collected'],
    view: View,
    gzipped: boolean,
    evict: () => void,
  ): ScrapeResult | Promise<ScrapeResult> {
    const now = this.#options.clock.monotonic();
    if (now - this.#expiredAt >= EXPIRE_EVERY_MS) {
      this.#options.store.expire(now);
      this.#expiredAt = now;
    }
    const page = this.#page(view);
    const reader = page.open(evict);
    const release = (): void => this.#close(page, reader);
    if (!gzipped) return { collected, lease: { body: page.body, release } };
    return page.gzipped().then(
      (body) => ({ collected, lease: { body, release } }),
      (error: unknown) => {
        release();
        throw error;
      },
    );
  }

  /** Bytes of the page last written. */
  get pageBytes(): number {
    let bytes = 0;
    for (const page of this.#current.values()) bytes = Math.max(bytes, page.body.length);
    return bytes;
  }

  /** One collection for all that ask at a time; who cannot wait for its end gets what is there. */
  #collect(patienceMs: number): Promise<'fresh' | 'late' | 'failed'> {
    const collecting = this.#collectOnce();
    if (patienceMs >= COLLECT_TIMEOUT_MS) return collecting;
    const late = Promise.withResolvers<'late'>();
    const timer = this.#options.clock.after(patienceMs, () => late.resolve('late'));
    return Promise.race([collecting, late.promise]).finally(() => timer.cancel());
  }

  #collectOnce(): Promise<'fresh' | 'late' | 'failed'> {
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
    const key = viewKey(view);
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

/** What a scraper leaves for the way of the page. */
const MARGIN_MS = 50;

/** How long a scraper can wait for fresh data by its `X-Prometheus-Scrape-Timeout-Seconds`, in ms. */
export function patienceOf(timeout: string | readonly string[] | undefined): number {
  if (timeout === undefined) return Number.POSITIVE_INFINITY;
  const ms = Number(timeout) * 1000;
  return ms > 0 ? Math.max(ms * 0.9 - MARGIN_MS, 0) : Number.POSITIVE_INFINITY;
}
