import { type Clock, type Health, type Logger, StartError } from 'bpflow/sdk';

/** A failure that goes on is told again so often. */
const REMIND_EVERY_MS = 60_000;

/** Which files cannot be written, and why: tells the log when that changes, and the health document what holds. */
export class Failures {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #report: (health: Health) => void;
  readonly #healthy: string;
  readonly #failing = new Map<string, { readonly reason: string; toldAt: number }>();

  constructor(log: Logger, clock: Clock, healthy: string, report: (health: Health) => void) {
    this.#log = log;
    this.#clock = clock;
    this.#healthy = healthy;
    this.#report = report;
  }

  failed(path: string, error: Error, waitingBytes: number): void {
    const reason = describeSystemError(error);
    const now = this.#clock.monotonic();
    const known = this.#failing.get(path);
    if (known !== undefined && known.reason === reason && now - known.toldAt < REMIND_EVERY_MS) return;
    this.#failing.set(path, { reason, toldAt: now });
    this.#log.warn('A file cannot be written. What comes for it waits, until it can or the buffer is full.', {
      path,
      error: reason,
      waiting_bytes: waitingBytes,
    });
    this.report();
  }

  recovered(path: string): void {
    if (!this.#failing.delete(path)) return;
    this.#log.info('A file can be written again.', { path });
    this.report();
  }

  /** Nobody writes there any more. */
  forget(path: string): void {
    if (this.#failing.delete(path)) this.report();
  }

  report(): void {
    const failing = [...this.#failing];
    if (failing.length === 0) {
      this.#report({ state: 'ok', summary: this.#healthy });
      return;
    }
    const [path, { reason }] = failing[0]!;
    const more = failing.length === 1 ? '' : `, and ${failing.length - 1} more`;
    this.#report({
      state: 'degraded',
      summary: `Cannot write ${path}: ${reason}${more}.`,
      details: failing.slice(0, 20).map(([each, { reason: why }]) => `${each}: ${why}`),
    });
  }
}

/** `no space left on device`: what the system says, without the call. */
export function describeSystemError(error: NodeJS.ErrnoException): string {
  const [, text] = /^E[A-Z0-9]+: ([^,]+)/.exec(error.message) ?? [];
  return text ?? error.message;
}

/** Whether what failed at start may work later: then the agent starts, and tries again. */
export function isTemporary({ code }: NodeJS.ErrnoException): boolean {
  return code !== undefined && TEMPORARY.has(code);
}

/** Why the exporter cannot start, beginning with the Collector's words. */
export function startError(path: string, error: NodeJS.ErrnoException): StartError {
  const hint = error.code === undefined ? undefined : HINTS[error.code];
  const reason = `open ${path}: ${describeSystemError(error)}`;
  return new StartError(hint === undefined ? reason : `${reason}; ${hint}`, { cause: error });
}

const TEMPORARY: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ESTALE', 'ETIMEDOUT']);

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'make its directory, or set "create_directory: true"',
  EACCES: 'let the user that runs the agent write there, or set another "path"',
  EPERM: 'let the user that runs the agent write there, or set another "path"',
  EROFS: 'set "path" to a file system that can be written',
  EISDIR: 'set "path" to a file, not to a directory',
  ENOTDIR: 'set "path" to a file in a directory',
};
