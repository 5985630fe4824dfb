import type { Signal } from '../signals.ts';
import { MESSAGES, type OtlpField, type ScalarKind } from './json-messages.ts';
import { DELIMITED, FIXED32, FIXED64, VARINT } from './wire.ts';

/** A message's fields, ready to be walked in both directions. */
export interface MessageTable {
  readonly name: string;
  /** In the order of the JSON. A field's place here is its slot. */
  readonly fields: readonly FieldTable[];
  /** Slot by field number, -1 for none. */
  readonly slots: Int8Array;
  /** Fields by the length of a name they have, each with the bytes of that name. */
  readonly named: readonly (readonly { readonly bytes: Uint8Array; readonly field: FieldTable }[] | undefined)[];
}

export interface FieldTable {
  readonly number: number;
  readonly name: string;
  readonly slot: number;
  readonly kind: ScalarKind | 'message';
  /** Undefined unless `kind` is message. */
  readonly message: MessageTable | undefined;
  readonly repeated: boolean;
  /** Bit w is set when values of wire type w are this field's. */
  readonly wires: number;
  /** Written even when it is zero. */
  readonly explicit: boolean;
  readonly always: boolean;
  /** Slots of the fields that this one excludes. */
  readonly excludes: readonly number[];
  /** `"name":` in bytes. */
  readonly prefix: Uint8Array;
  /** Bytes of an id. */
  readonly length: number;
  /** Number by name of an enum. */
  readonly values: ReadonlyMap<string, number> | undefined;
}

/** The tables of the export requests, linked. */
export const REQUESTS: Readonly<Record<Signal, MessageTable>> = linkTables();

function linkTables(): typeof REQUESTS {
  const tables = new Map<string, MessageTable>();
  const table = (name: string): MessageTable => {
    const known = tables.get(name);
    if (known !== undefined) return known;
    const fields: FieldTable[] = [];
    const slots = new Int8Array(32).fill(-1);
    const named: { readonly bytes: Uint8Array; readonly field: FieldTable }[][] = [];
    const made: MessageTable = { name, fields, slots, named };
    tables.set(name, made);
    const all = MESSAGES[name]!;
    for (const [slot, field] of all.entries()) {
      const linked = fieldTable(field, slot, all, table);
      fields.push(linked);
      slots[field.number] = slot;
      for (const text of new Set([field.name, snakeCase(field.name)])) {
        const bytes = new TextEncoder().encode(text);
        named[bytes.length] ??= [];
        named[bytes.length]!.push({ bytes, field: linked });
      }
    }
    return made;
  };
  return {
    metrics: table('ExportMetricsServiceRequest'),
    logs: table('ExportLogsServiceRequest'),
    traces: table('ExportTraceServiceRequest'),
    profiles: table('ExportProfilesServiceRequest'),
  };
}

function fieldTable(
  field: OtlpField,
  slot: number,
  all: readonly OtlpField[],
  table: (name: string) => MessageTable,
): FieldTable {
  const isMessage = 'message' in field;
  const kind = isMessage ? 'message' : field.kind;
  const repeated = field.repeated === true;
  const wire = wireType(kind);
  return {
    number: field.number,
    name: field.name,
    slot,
    kind,
    message: isMessage ? table(field.message) : undefined,
    repeated,
    wires: (1 << wire) | (repeated ? 1 << DELIMITED : 0),
    explicit: field.optional === true || field.oneof !== undefined,
    always: isMessage && field.always === true,
    excludes: all.flatMap((other, at) => (at !== slot && field.oneof && other.oneof === field.oneof ? [at] : [])),
    prefix: new TextEncoder().encode(`"${field.name}":`),
    length: (!isMessage && field.length) || 0,
    values: isMessage ? undefined : enumValues(field.values),
  };
}

/** The wire type of one value. */
export function wireType(kind: FieldTable['kind']): number {
  switch (kind) {
    case 'string':
    case 'bytes':
    case 'id':
    case 'message':
      return DELIMITED;
    case 'bool':
    case 'int32':
    case 'sint32':
    case 'uint32':
    case 'int64':
    case 'uint64':
    case 'enum':
      return VARINT;
    case 'fixed32':
      return FIXED32;
    case 'fixed64':
    case 'sfixed64':
    case 'double':
      return FIXED64;
    default:
      return kind satisfies never;
  }
}

function enumValues(values: readonly [string, readonly string[]] | undefined): ReadonlyMap<string, number> | undefined {
  if (values === undefined) return undefined;
  const [prefix, names] = values;
  return new Map(names.map((name, number) => [prefix + name, number]));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
