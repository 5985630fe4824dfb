import type { Clock, LogFields, Logger, Timer } from '../../scope.ts';

type Level = 'info' | 'warn' | 'error';

const QUIET_MS = 10_000;

/**
 * A log for what happens to each request: a message is written the first time, then at most every 10 s with how many there
 * were in between, so that a storm of failures does not become one of lines. Fields are those of the last one; counts (`dropped_…`, `rejected_…`) are added up.
 */
export class QuietLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #quiet = new Map<string, Quiet>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  info(message: string, fields: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields: LogFields): void {
    this.#write('error', message, fields);
  }

  /** Writes what was held back. */
  close(): void {
    for (const [message, quiet] of this.#quiet) {
      quiet.timer.cancel();
      if (quiet.repeated > 0) this.#log[quiet.level](message, { ...quiet.fields, repeated: quiet.repeated });
    }
    this.#quiet.clear();
  }

  #write(level: Level, message: string, fields: LogFields): void {
    const quiet = this.#quiet.get(message);
    if (quiet === undefined) {
      this.#log[level](message, fields);
      const timer = this.#clock.after(QUIET_MS, () => this.#end(message));
      this.#quiet.set(message, { level, timer, repeated: 0, fields: {} });
      return;
    }
    quiet.fields = summed(quiet.fields, fields);
    quiet.repeated++;
  }

  #end(message: string): void {
    const quiet = this.#quiet.get(message);
    if (quiet === undefined) return;
    this.#quiet.delete(message);
    if (quiet.repeated === 0) return;
    this.#write(quiet.level, message, { ...quiet.fields, repeated: quiet.repeated });
  }
}

interface Quiet {
  readonly level: Level;
  readonly timer: Timer;
  repeated: number;
  fields: LogFields;
}

function summed(before: LogFields, fields: LogFields): LogFields {
  const sums = Object.entries(fields).filter(
    ([key, value]) => /^(dropped|rejected)_/.test(key) && typeof value === 'number',
  );
  const total = sums.map(([key, value]) => [key, Number(before[key] ?? 0) + Number(value)]);
  return { ...fields, ...Object.fromEntries(total) };
}
