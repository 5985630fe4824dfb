import { z } from 'zod';
import { type AttributeValue, Double, double } from '../pdata/attributes.ts';
import type { AttributeEditor } from '../pdata/edit-attributes.ts';
import { attributeValueSettings } from './matching/attribute-match.ts';
import { compileRegexp } from './matching/patterns.ts';
import { valueText } from './matching/values.ts';

const ACTIONS = ['insert', 'update', 'upsert', 'delete', 'hash', 'extract', 'convert'] as const;

/** A list of actions on attributes, as in the Collector's `attributes` and `resource` processors. */
export function attributeActions() {
  return z.array(attributeAction()).min(1, 'at least one action must be specified');
}

export type AttributeAction = z.output<ReturnType<typeof attributeAction>>;

/** SHA-256 of bytes as hex digits. */
export type Sha256 = (bytes: Uint8Array) => string;

/** Compiles actions into an edit that does one after the other. Throws SyntaxError for a pattern that is none. */
export function compileActions(
  actions: readonly AttributeAction[],
  sha256: Sha256,
): (attributes: AttributeEditor) => void {
  const edits = actions.map((action) => compileAction(action, sha256));
  return (attributes) => {
    for (const edit of edits) edit(attributes);
  };
}

function attributeAction() {
  return z
    .strictObject({
      action: z
        .string()
        .toLowerCase()
        .pipe(z.enum(ACTIONS))
        .describe(
          'insert: set where the key is missing. update: set where it is there. upsert: both. delete: take away. hash: replace by its SHA-256. extract: set what the groups of the pattern find. convert: change its type.',
        ),
      key: z.string().default('').describe('Key of the attribute. delete and hash can do with a pattern alone.'),
      value: attributeValueSettings().optional().describe('insert, update, upsert: the value.'),
      from_attribute: z
        .string()
        .optional()
        .describe('insert, update, upsert: take the value of this attribute, if it is there.'),
      from_context: z
        .string()
        .optional()
        .describe('Would take the value from metadata of the client. Refused: not supported.'),
      pattern: z
        .string()
        .optional()
        .describe(
          'extract: regular expression whose named groups become attributes. delete, hash: all keys that match it too.',
        ),
      converted_type: z.enum(['int', 'double', 'string']).optional().describe('convert: the type wanted.'),
    })
    .check((context) => {
      for (const message of problems(context.value)) {
        context.issues.push({ code: 'custom', input: context.value, message });
      }
    });
}

function problems(action: {
  readonly action: (typeof ACTIONS)[number];
  readonly key: string;
  readonly value?: unknown;
  readonly from_attribute?: string | undefined;
  readonly from_context?: string | undefined;
  readonly pattern?: string | undefined;
  readonly converted_type?: string | undefined;
}): string[] {
  const { action: kind, key, pattern, converted_type } = action;
  const found: string[] = [];
  const sources = ['value', 'from_attribute', 'from_context'].filter(
    (name) => action[name as keyof typeof action] !== undefined,
  );
  const sets = kind === 'insert' || kind === 'update' || kind === 'upsert';
  const byPattern = kind === 'delete' || kind === 'hash';
  if (key === '' && !(byPattern && pattern !== undefined)) {
    found.push(byPattern ? 'at least one of "key" and "pattern" must be specified' : 'missing required field "key"');
  }
  if (action.from_context !== undefined) {
    found.push('from_context is not supported; use value or from_attribute');
  }
  if (sets && sources.length === 0) found.push(`action ${kind} needs one of "value" and "from_attribute"`);
  if (sets && sources.length > 1) found.push(`action ${kind} takes only one of ${sources.join(', ')}`);
  if (!sets && sources.length > 0) found.push(`action ${kind} does not use ${sources.join(', ')}`);
  if (pattern !== undefined && (sets || kind === 'convert')) found.push(`action ${kind} does not use "pattern"`);
  if (converted_type !== undefined && kind !== 'convert') found.push(`action ${kind} does not use "converted_type"`);
  if (kind === 'convert' && converted_type === undefined)
    found.push('missing required field "converted_type" for action convert');
  if (kind === 'extract' && pattern === undefined) found.push('missing required field "pattern" for action extract');
  if (pattern !== undefined) found.push(...patternProblems(kind, pattern));
  return found;
}

function patternProblems(kind: string, pattern: string): string[] {
  try {
    const expression = compileRegexp(pattern);
    if (kind !== 'extract') return [];
    const groups = new RegExp(`${expression.source}|`, expression.flags).exec('')!;
    const named = Object.keys(groups.groups ?? {}).length;
    if (named === 0) return ['"pattern" contains no named matcher groups: write them as (?P<name>…)'];
    if (named < groups.length - 1)
      return ['"pattern" contains at least one unnamed matcher group: write (?:…) for those'];
    return [];
  } catch (cause) {
    return [`"pattern" is not a regular expression: ${cause instanceof Error ? cause.message : String(cause)}`];
  }
}

function compileAction(action: AttributeAction, sha256: Sha256): (attributes: AttributeEditor) => void {
  const { key, pattern } = action;
  switch (action.action) {
    case 'insert':
    case 'update':
    case 'upsert': {
      const { value, from_attribute: from, action: kind } = action;
      return (attributes) => {
        const source = value === undefined ? attributes.get(from!) : value;
        if (source === undefined) return;
        const there = attributes.get(key) !== undefined;
        if (kind === 'upsert' || there === (kind === 'update')) attributes.set(key, source);
      };
    }
    case 'delete':
      return onKeys(key, pattern, (attributes, each) => attributes.delete(each));
    case 'hash':
      return onKeys(key, pattern, (attributes, each) => {
        const value = attributes.get(each);
        if (value !== undefined) attributes.set(each, hashed(value, sha256));
      });
    case 'extract': {
      const expression = compileRegexp(pattern!);
      return (attributes) => {
        const value = attributes.get(key);
        const groups = typeof value === 'string' ? expression.exec(value)?.groups : undefined;
        for (const [name, found] of Object.entries(groups ?? {})) attributes.set(name, found ?? '');
      };
    }
    case 'convert': {
      const type = action.converted_type!;
      return (attributes) => {
        const value = attributes.get(key);
        const converted = value === undefined ? undefined : convert(value, type);
        if (converted !== undefined) attributes.set(key, converted);
      };
    }
    default:
      return action.action satisfies never;
  }
}

/** Without a key the attribute whose key is empty is meant too, as in the Collector. */
function onKeys(
  key: string,
  pattern: string | undefined,
  edit: (attributes: AttributeEditor, key: string) => void,
): (attributes: AttributeEditor) => void {
  const expression = pattern === undefined ? undefined : compileRegexp(pattern);
  return (attributes) => {
    edit(attributes, key);
    if (expression === undefined) return;
    for (const each of attributes.keys()) if (each !== key && expression.test(each)) edit(attributes, each);
  };
}

/** Of text its UTF-8, of ints and doubles their 8 bytes little endian, of a bool one byte; of the rest nothing, as in the Collector. */
function hashed(value: AttributeValue, sha256: Sha256): string {
  const bytes = hashedBytes(value);
  return bytes.length === 0 ? '' : sha256(bytes);
}

function hashedBytes(value: AttributeValue): Uint8Array {
  const number = new DataView(new ArrayBuffer(8));
  switch (typeof value) {
    case 'string':
      return new TextEncoder().encode(value);
    case 'boolean':
      return Uint8Array.of(value ? 1 : 0);
    case 'bigint':
      number.setBigInt64(0, value, true);
      return new Uint8Array(number.buffer);
    case 'number':
      if (Number.isSafeInteger(value)) number.setBigInt64(0, BigInt(value), true);
      else number.setFloat64(0, value, true);
      return new Uint8Array(number.buffer);
    default:
      if (!(value instanceof Double)) return new Uint8Array(0);
      number.setFloat64(0, value.value, true);
      return new Uint8Array(number.buffer);
  }
}

/** Undefined where the value has the type already or cannot have it: it stays as it is. */
function convert(value: AttributeValue, type: 'int' | 'double' | 'string'): AttributeValue | undefined {
  if (type === 'string') return typeof value === 'string' ? undefined : valueText(value);
  if (type === 'int') return toInt(value);
  const number = toDouble(value);
  return number === undefined ? undefined : double(number);
}

function toInt(value: AttributeValue): AttributeValue | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string') {
    if (!/^[+-]?\d+$/.test(value)) return undefined;
    const int = BigInt(value.replace(/^\+/, ''));
    return BigInt.asIntN(64, int) === int ? narrow(int) : undefined;
  }
  const number = value instanceof Double ? value.value : value;
  if (typeof number !== 'number' || (Number.isInteger(number) && number === value)) return undefined;
  return Math.abs(number) < 2 ** 63 ? narrow(BigInt(Math.trunc(number))) : undefined;
}

function toDouble(value: AttributeValue): number | undefined {
  switch (typeof value) {
    case 'boolean':
      return value ? 1 : 0;
    case 'bigint':
      return Number(value);
    case 'number':
      return Number.isInteger(value) ? value : undefined;
    case 'string':
      return value.trim() === value && value !== '' && !Number.isNaN(Number(value)) ? Number(value) : undefined;
    default:
      return undefined;
  }
}

function narrow(int: bigint): number | bigint {
  const number = Number(int);
  return Number.isSafeInteger(number) ? number : int;
}
