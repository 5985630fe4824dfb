import { z } from 'zod';

/** Nanoseconds a unit of a duration stands for (Go's `time.ParseDuration`). */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** A duration as `10s`, `1m30s`, `500ms`; a bare integer is nanoseconds, as in the Collector. Becomes milliseconds. */
export function duration() {
  return z
    .union([z.string(), z.int()], { error: 'expected a duration such as 10s or 500ms' })
    .transform((written, context) => {
      const ns = typeof written === 'number' ? written : parseDuration(written);
      if (ns === undefined) {
        context.addIssue(`expected a duration such as 10s or 500ms, got ${JSON.stringify(written)}`);
        return z.NEVER;
      }
      if (ns < 0) {
        context.addIssue(`a duration must not be negative, got ${JSON.stringify(written)}`);
        return z.NEVER;
      }
      return ns / 1e6;
    });
}

/** Nanoseconds; undefined when the text is no duration. */
function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const [, number, unit] of match[2]!.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(number) * UNITS[unit!]!;
  }
  return match[1] === '-' ? -total : total;
}

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** A size as `64KiB`, `16MiB`, `1GB`, or a number of bytes. Becomes bytes. */
export function byteSize() {
  return z
    .union([z.string(), z.int()], { error: 'expected a size such as 64KiB or 16MiB' })
    .transform((written, context) => {
      const match = /^(\d+(?:\.\d+)?)\s*([KMG]?i?B?)$/.exec(String(written));
      const factor = match === null ? undefined : SIZES[match[2]!];
      if (match === null || factor === undefined || !Number.isInteger(Number(match[1]) * factor)) {
        context.addIssue(`expected a size such as 64KiB or 16MiB, got ${JSON.stringify(written)}`);
        return z.NEVER;
      }
      return Number(match[1]) * factor;
    });
}

export interface Endpoint {
  /** A name or address, without brackets; `0.0.0.0` where none was written. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[::1]:4317` or `:4317` (all addresses). */
export function endpoint() {
  return z.string({ error: 'expected host:port' }).transform((written, context): Endpoint => {
    const match = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(written);
    if (match === null) {
      const problem =
        written.includes(':') && !written.includes('[') ? 'too many colons in address' : 'missing port in address';
      context.addIssue(`address ${written}: ${problem}; write host:port`);
      return z.NEVER;
    }
    const port = Number(match[3]);
    if (!/^\d+$/.test(match[3]!) || port > 65_535) {
      context.addIssue(`address ${written}: invalid port ${JSON.stringify(match[3])}; write a number from 0 to 65535`);
      return z.NEVER;
    }
    return { host: match[1] || match[2] || '0.0.0.0', port };
  });
}

/** Marks what `print-config` and logs must not show. */
export const SECRET = 'bpflow:secret';

/** A text that is never printed. */
export function secret() {
  return z.string().meta({ [SECRET]: true });
}
