import { Buffer } from 'node:buffer';
import { chmod, mkdir, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type PageEvents, type PageRules, PageStore, TextWriter, writePage } from 'bpflow/prometheus';
import { asError, type Exporter, type Scope, StartError } from 'bpflow/sdk';
import type { FileConfig } from './config.ts';
import { Failures, isTemporary, startError } from './failures.ts';

/** A foreign series without updates for so long leaves the page, as it would leave a page that is scraped. */
const EXPIRATION_MS = 5 * 60_000;
/** As of a page that is scraped. */
const MAX_SERIES = 1_000_000;
const TEXT = { openMetrics: false, protobuf: false, utf8: false } as const;

/** Keeps the last value of every series and writes them to a file as Prometheus text. Who reads it sees a whole page, always. */
export function createPageExporter(config: FileConfig, scope: Scope): Exporter {
  const { clock, log, items } = scope;
  const failures = new Failures(log, clock, `Writes ${config.path}.`, (health) => scope.health(health));
  const events: PageEvents = {
    dropped: (points, reason) => items.dropped(points, reason),
    collision: () => {},
    leftOut: (metric, reason) => log.warn('A metric is left out of the page.', { metric, reason }),
  };
  const store = new PageStore(rulesOf(config), events, clock);
  let path = config.path;
  let page: Buffer = Buffer.alloc(0);
  let written = -1;
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    store.expire(clock.monotonic());
    const { version } = store;
    if (version === written) return;
    const out = new TextWriter(page.length > 0 ? page : Buffer.allocUnsafeSlow(64 * 1024));
    writePage(store, TEXT, out);
    page = out.buffer;
    await replace(path, out.buffer.subarray(0, out.length));
    written = version;
    failures.recovered(path);
  };
  const flush = (): Promise<void> => {
    writing ??= write()
      .catch((error: unknown) => failures.failed(path, asError(error), 0))
      .finally(() => {
        writing = undefined;
      });
    return writing;
  };

  let ticker: { cancel(): void } | undefined;
  return {
    wants: 'cumulative',
    consume: { metrics: (batch) => store.apply(batch, clock.monotonic()) },
    async start() {
      try {
        if (config.create_directory) {
          const mode = Number.parseInt(config.directory_permissions || '0755', 8);
          await mkdir(dirname(path), { recursive: true, mode });
        }
        path = await placeOf(path);
        await write();
      } catch (error) {
        if (error instanceof StartError) throw error;
        if (!isTemporary(error as NodeJS.ErrnoException)) throw startError(path, error as NodeJS.ErrnoException);
        failures.failed(path, asError(error), 0);
      }
      ticker = clock.every(config.flush_interval, () => void flush());
      failures.report();
    },
    flush,
    async stop() {
      if (ticker === undefined) return;
      ticker.cancel();
      ticker = undefined;
      await writing;
      await flush();
    },
  };
}

/** Where the file really is: a link is kept, what it leads to is replaced. */
async function placeOf(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (found.isFile()) return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path;
    throw error;
  }
  throw new StartError(
    `open ${path}: not a regular file; with format: prometheus the file is replaced, set another "path"`,
  );
}

/** Readers see the old content or the new one. What fails leaves nothing behind. */
async function replace(path: string, content: Uint8Array): Promise<void> {
  const draft = `${path}.tmp`;
  const mode = await stat(path).then(
    (found) => found.mode & 0o777,
    () => 0o644,
  );
  try {
    const handle = await open(draft, 'w', mode);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    await chmod(draft, mode);
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => {});
    throw error;
  }
}

function rulesOf(config: FileConfig): PageRules {
  return {
    names: config.names ?? 'seed',
    strategy: 'UnderscoreEscapingWithSuffixes',
    namespace: '',
    constLabels: [],
    resourceToTelemetry: false,
    withoutScopeInfo: false,
    utf8: false,
    targetInfo: true,
    openMetrics: false,
    expirationMs: EXPIRATION_MS,
    sendTimestamps: false,
    maxSeries: MAX_SERIES,
  };
}
