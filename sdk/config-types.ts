import { z } from 'zod';

/** What a value of a configuration is besides its JSON type, for those who print or explain it. */
export interface ConfigType {
  readonly type: 'duration' | 'byte_size' | 'endpoint' | 'secret';
}

/** Which schemas are made by the functions below. Wrapped schemas (`optional`, `prefault`, …) are found through what they wrap. */
export const configTypes = z.registry<ConfigType>();

/** An address to listen on or to connect to. An empty host is every address of the machine. */
export interface Endpoint {
  /** A name or an IP address; IPv6 without brackets. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/**
 * A time span as in Go: `10s`, `1m30s`, `200ms`, `1.5h`, or a bare number of nanoseconds. Parses to **milliseconds**, which
 * may have a fraction. Negative spans are refused. Defaults are written as users would: `duration().prefault('10s')`.
 */
export function duration() {
  const written = typed(
    'duration',
    z.union([z.string(), z.number()], { error: ({ input }) => wrong(A_DURATION, input) }),
  );
  return written.transform((value, context) => {
    const ms = typeof value === 'number' ? value / NS_PER_MS : parseDuration(value);
    if (ms !== undefined && Number.isFinite(ms) && ms >= 0) return ms;
    return refuse(context, value, ms !== undefined && ms < 0 ? 'must not be negative' : wrong(A_DURATION, value));
  });
}

/** A size as `16MiB`, `10MB`, `512KiB`, or a bare number of bytes. Parses to whole **bytes**, at most 2^53 - 1. */
export function byteSize() {
  const written = typed('byte_size', z.union([z.string(), z.number()], { error: ({ input }) => wrong(A_SIZE, input) }));
  return written.transform((value, context) => {
    const bytes = typeof value === 'number' ? value : parseByteSize(value);
    if (bytes === undefined) return refuse(context, value, wrong(A_SIZE, value));
    if (bytes < 0) return refuse(context, value, 'must not be negative');
    if (!Number.isSafeInteger(bytes)) return refuse(context, value, 'must be a whole number of bytes below 2^53');
    return bytes;
  });
}

/** `host:port`, `:port`, `[::1]:port`. Parses to {@link Endpoint}. */
export function endpoint() {
  const written = typed('endpoint', z.string({ error: ({ input }) => wrong(AN_ENDPOINT, input) }));
  return written.transform((value, context): Endpoint => {
    const parsed = parseEndpoint(value);
    return typeof parsed === 'string' ? refuse(context, value, parsed) : parsed;
  });
}

/** A text that is never printed or logged. */
export function secret() {
  const error = ({ input }: { readonly input?: unknown }): string =>
    input === undefined ? 'this key is required: a text' : 'expected a text; put it in quotes';
  return typed('secret', z.string({ error }));
}

/** Milliseconds of a Go duration; undefined when it is none. Negative ones are parsed too. */
export function parseDuration(text: string): number | undefined {
  const [, sign, spans] = /^([+-]?)(0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (spans === undefined) return undefined;
  let ns = 0;
  for (const [, amount, unit] of spans.matchAll(/([\d.]+)([a-zµμ]+)/g)) ns += Number(amount) * NS_PER_UNIT[unit!]!;
  return (sign === '-' ? -ns : ns) / NS_PER_MS;
}

/** The shortest text that {@link parseDuration} reads as these milliseconds: `1m30s`, `200ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  let ns = Math.round(Math.abs(ms) * NS_PER_MS);
  if (ns < NS_PER_UNIT['s']!) {
    const unit = ns >= NS_PER_MS ? 'ms' : ns >= 1000 ? 'us' : 'ns';
    return `${sign}${ns / NS_PER_UNIT[unit]!}${unit}`;
  }
  let text = sign;
  for (const unit of ['h', 'm'] as const) {
    const amount = Math.floor(ns / NS_PER_UNIT[unit]!);
    if (amount > 0) text += `${amount}${unit}`;
    ns -= amount * NS_PER_UNIT[unit]!;
  }
  return ns > 0 ? `${text}${ns / NS_PER_UNIT['s']!}s` : text;
}

/** The shortest text that {@link byteSize} reads as these bytes: `16MiB`, `1000B`. */
export function formatByteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let amount = bytes;
  let i = 0;
  while (amount >= 1024 && amount % 1024 === 0 && i < units.length - 1) {
    amount /= 1024;
    i++;
  }
  return `${amount}${units[i]}`;
}

/** `127.0.0.1:80`, `[::1]:80`, `:80`. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const NS_PER_MS = 1e6;
const NS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const A_DURATION = 'a duration such as 10s';
const A_SIZE = 'a size such as 16MiB';
const AN_ENDPOINT = 'an address such as localhost:4317';

function parseByteSize(text: string): number | undefined {
  const [, amount, prefix, binary] = /^(\d+\.?\d*|\.\d+) ?(?:([kKMGTP])(i)?)?B?$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const power = prefix === undefined ? 0 : 'kMGTP'.indexOf(prefix.replace('K', 'k')) + 1;
  return Number(amount) * (binary === undefined ? 1000 : 1024) ** power;
}

/** The endpoint, or what is wrong with it. */
function parseEndpoint(text: string): Endpoint | string {
  const [, bracketed, plain, port] = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^:]*)$/.exec(text) ?? [];
  if (port === undefined) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return `${wrong(AN_ENDPOINT, text)}: leave out the scheme`;
    if (text === '') return 'must not be empty; write an address such as localhost:4317';
    if (/^[^[\]]*:[^[\]]*:[^[\]]*$/.test(text)) {
      return `${wrong(AN_ENDPOINT, text)}: too many colons; write an IPv6 address in brackets, [::1]:4317`;
    }
    return `${wrong(AN_ENDPOINT, text)}: the port is missing`;
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    return `${wrong(AN_ENDPOINT, text)}: the port must be a number from 0 to 65535`;
  }
  const host = bracketed ?? plain ?? '';
  if (/[\s/]/.test(host)) return `${wrong(AN_ENDPOINT, text)}: the host must be a name or an IP address`;
  return { host, port: Number(port) };
}

/** `expected a duration such as 10s, got "x"`. */
function wrong(what: string, input: unknown): string {
  if (input === undefined) return `this key is required: ${what}`;
  if (typeof input === 'string') return `expected ${what}, got ${JSON.stringify(input)}`;
  const isCollection = typeof input === 'object' && input !== null;
  const shown = isCollection ? (Array.isArray(input) ? 'a list' : 'a map') : input === null ? 'nothing' : String(input);
  return `expected ${what}, got ${shown}`;
}

function typed<S extends z.ZodType>(type: ConfigType['type'], schema: S): S {
  configTypes.add(schema, { type });
  return schema;
}

function refuse(context: z.RefinementCtx, input: unknown, message: string): never {
  context.issues.push({ code: 'custom', input, message });
  return z.NEVER;
}
