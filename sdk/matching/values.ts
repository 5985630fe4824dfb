import { type AttributeValue, Double } from '../../pdata/attributes.ts';

/** A value as text, as the Collector shows it: maps and lists as JSON, bytes as base64, nothing as the empty text. */
export function valueText(value: AttributeValue | undefined): string {
  if (value === undefined || value === null) return '';
  switch (typeof value) {
    case 'string':
      return value;
    case 'object':
      if (value instanceof Double) return String(value.value);
      if (value instanceof Uint8Array) return base64(value);
      return JSON.stringify(value, jsonValue);
    default:
      return String(value);
  }
}

/** Whether two values are of one kind and equal. A whole `number` is an int, so it differs from the double of that value. */
export function sameValue(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (kindOf(a) !== kindOf(b)) return false;
  if (typeof a === 'bigint' || typeof b === 'bigint') return BigInt(a as number) === BigInt(b as number);
  if (typeof a !== 'object' || a === null) return a === b;
  return JSON.stringify(a, jsonValue) === JSON.stringify(b, jsonValue);
}

function kindOf(value: AttributeValue): string {
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? 'int' : 'double';
    case 'bigint':
      return 'int';
    case 'object':
      if (value === null) return 'null';
      if (value instanceof Double) return 'double';
      if (value instanceof Uint8Array) return 'bytes';
      return Array.isArray(value) ? 'list' : 'map';
    default:
      return typeof value;
  }
}

function jsonValue(_: string, value: unknown): unknown {
  if (value instanceof Double) return value.value;
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? base64(value) : value;
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
