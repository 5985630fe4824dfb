import { Buffer } from 'node:buffer';
import { type AttributeSet, type AttributeValue, Double, type InstrumentationScope, type Resource } from 'bpflow/sdk';

/** An attribute. */
export type Pair = readonly [key: string, value: AttributeValue];

/** Lines of the detailed form. Texts of others are shown as they are, except that they cannot move the cursor. */
export class Lines {
  readonly #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(printable(line));
  }

  /** `Header:` and one line for each attribute; nothing when there is none. */
  attributes(header: string, attributes: AttributeSet | readonly Pair[], indent = ''): void {
    const shown = pairs(attributes);
    if (shown.length === 0) return;
    this.add(`${indent}${header}:`);
    for (const [key, value] of shown) this.add(`${indent}     -> ${key}: ${typedText(value)}`);
  }

  resource(title: string, resource: Resource): void {
    this.add(title);
    this.add(`Resource SchemaURL: ${resource.schemaUrl}`);
    this.attributes('Resource attributes', resource.attributes);
  }

  scope(title: string, kind: string, scope: InstrumentationScope): void {
    this.add(title);
    this.add(`${kind} SchemaURL: ${scope.schemaUrl}`);
    this.add(`InstrumentationScope ${scope.name} ${scope.version}`);
    this.attributes('InstrumentationScope attributes', scope.attributes);
  }

  toString(): string {
    return this.#lines.join('\n');
  }
}

/** `key=value` of each attribute, for the normal form. */
export function assignments(attributes: AttributeSet | readonly Pair[]): string[] {
  return pairs(attributes).map(([key, value]) => `${key}=${plainText(value)}`);
}

/** `ResourceMetrics #0 service.name=a`: a heading of the normal form. */
export function resourceHeading(title: string, resource: Resource): string {
  const schema = resource.schemaUrl === '' ? '' : ` [${resource.schemaUrl}]`;
  return [`${title}${schema}`, ...assignments(resource.attributes)].join(' ');
}

/** `ScopeMetrics #0 name@version key=value`: a heading of the normal form. */
export function scopeHeading(title: string, scope: InstrumentationScope): string {
  const name = scope.version === '' ? scope.name : `${scope.name}@${scope.version}`;
  const schema = scope.schemaUrl === '' ? '' : ` [${scope.schemaUrl}]`;
  return [title, ...(name === '' ? [] : [name])]
    .join(' ')
    .concat(schema, ...assignments(scope.attributes).map((text) => ` ${text}`));
}

/** A value as OTLP prints it: strings as they are, bytes in base64, lists and maps as JSON. */
export function plainText(value: AttributeValue | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Double) return String(value.value);
  return typeof value === 'object' ? JSON.stringify(value, jsonReplacer) : String(value);
}

/** `Str(a)`, `Int(1)`. */
export function typedText(value: AttributeValue | undefined): string {
  return `${typeName(value)}(${plainText(value)})`;
}

/** Nanoseconds since 1970 as Go prints a time: `2026-11-21 04:49:03.509369393 +0000 UTC`. */
export function timeText(time: bigint): string {
  const second = 1_000_000_000n;
  const whole = new Date(Number(time / second) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const fraction = String(time % second)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${whole}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`;
}

/** A number with six decimals, as in the Collector. */
export function fixedText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** The id in hexadecimal; empty when it is all zeros. */
export function hexId(ids: Uint8Array | undefined, row: number, size: number): string {
  if (ids === undefined) return '';
  const id = ids.subarray(row * size, (row + 1) * size);
  return id.every((byte) => byte === 0) ? '' : Buffer.from(id).toString('hex');
}

function pairs(attributes: AttributeSet | readonly Pair[]): readonly Pair[] {
  return 'toObject' in attributes ? Object.entries(attributes.toObject()) : attributes;
}

function typeName(value: AttributeValue | undefined): string {
  switch (typeof value) {
    case 'string':
      return 'Str';
    case 'boolean':
      return 'Bool';
    case 'bigint':
      return 'Int';
    case 'number':
      return Number.isInteger(value) ? 'Int' : 'Double';
    default:
      if (value === undefined || value === null) return 'Empty';
      if (value instanceof Uint8Array) return 'Bytes';
      if (value instanceof Double) return 'Double';
      return Array.isArray(value) ? 'Slice' : 'Map';
  }
}

function jsonReplacer(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Double) return value.value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value;
}

/** Terminal control characters become visible; tabs and line ends stay. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal.
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
