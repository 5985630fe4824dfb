import { EMPTY_RESOURCE, EMPTY_SCOPE, resourceFromBytes, scopeFromBytes } from '../resource.ts';
import type { InstrumentationScope, Resource } from '../series-table.ts';
import { readString } from './any-value.ts';
import { joinBytes } from './join-bytes.ts';
import { DELIMITED, WireReader, WireWriter } from './wire.ts';

/** Log records or spans of a request, with what they belong to; each `ResourceLogs` and `ScopeLogs` has a number of its own. */
export interface EnvelopeRows {
  readonly resources: readonly Resource[];
  readonly resource: Uint32Array;
  readonly scopes: readonly InstrumentationScope[];
  readonly scope: Uint32Array;
  /** Where the content of each row's message begins and ends. */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

/**
 * Walks the envelope that logs and traces share. Request: 1 resource_logs or resource_spans. Those: 1 resource,
 * 2 scope_logs or scope_spans, 3 schema_url. Those: 1 scope, 2 log_records or spans, 3 schema_url.
 */
export function readEnvelope(bytes: Uint8Array): EnvelopeRows {
  const resources: Resource[] = [];
  const scopes: InstrumentationScope[] = [];
  const resource: number[] = [];
  const scope: number[] = [];
  const start: number[] = [];
  const end: number[] = [];
  const requests = new WireReader(bytes);
  while (!requests.done) {
    const range = delimitedField(requests, 1);
    if (range === undefined) continue;
    const outer = readParts(bytes, range.from, range.to);
    if (outer.items.length === 0) continue;
    const place = resources.push(resourceOf(outer)) - 1;
    for (let item = 0; item < outer.items.length; item += 2) {
      const inner = readParts(bytes, outer.items[item]!, outer.items[item + 1]!);
      if (inner.items.length === 0) continue;
      const innerPlace = scopes.push(scopeOf(inner)) - 1;
      for (let row = 0; row < inner.items.length; row += 2) {
        resource.push(place);
        scope.push(innerPlace);
        start.push(inner.items[row]!);
        end.push(inner.items[row + 1]!);
      }
    }
  }
  return {
    resources,
    resource: Uint32Array.from(resource),
    scopes,
    scope: Uint32Array.from(scope),
    start: Uint32Array.from(start),
    end: Uint32Array.from(end),
  };
}

/** What a batch of logs or spans has of the envelope. */
export interface RowsToWrite {
  readonly length: number;
  readonly resources: readonly Resource[];
  readonly resource: Uint32Array;
  readonly scopes: readonly InstrumentationScope[];
  readonly scope: Uint32Array;
}

/**
 * Writes the envelope of a batch; `writeRow` writes the content of each row's message. Rows keep their order within a resource
 * and scope; resources and scopes are in the order of their first row.
 */
export function writeEnvelope(writer: WireWriter, batch: RowsToWrite, writeRow: (row: number) => void): void {
  for (const [resource, scopes] of grouped(batch)) {
    const owner = batch.resources[resource]!;
    const outer = writer.begin(1);
    writer.bytes(1, owner.bytes);
    for (const [scope, rows] of scopes) {
      const item = batch.scopes[scope]!;
      const inner = writer.begin(2);
      writer.bytes(1, item.bytes);
      for (const row of rows) {
        const mark = writer.begin(2);
        writeRow(row);
        writer.end(mark);
      }
      writeRest(writer, item);
      writer.end(inner);
    }
    writeRest(writer, owner);
    writer.end(outer);
  }
}

/** What follows the items: 3 schema_url, and what is not known. */
function writeRest(writer: WireWriter, { schemaUrl, envelope }: Resource | InstrumentationScope): void {
  if (schemaUrl !== '') writer.string(3, schemaUrl);
  if (envelope) writer.raw(envelope);
}

/** The request with its resources replaced by what `change` makes of them; itself when they all stay the same objects. */
export function replaceResources(bytes: Uint8Array, change: (resource: Resource) => Resource): Uint8Array {
  const reader = new WireReader(bytes);
  const writer = new WireWriter(bytes.length + 256);
  let changed = false;
  while (!reader.done) {
    const start = reader.position;
    const range = delimitedField(reader, 1);
    const parts = range && readParts(bytes, range.from, range.to);
    const before = parts && resourceOf(parts);
    const after = before && change(before);
    if (parts === undefined || after === undefined || after === before) {
      writer.raw(bytes.subarray(start, reader.position));
      continue;
    }
    changed = true;
    const mark = writer.begin(1);
    writer.bytes(1, after.bytes);
    for (let item = 0; item < parts.items.length; item += 2) {
      writer.bytes(2, bytes.subarray(parts.items[item]!, parts.items[item + 1]!));
    }
    writeRest(writer, after);
    writer.end(mark);
  }
  return changed ? writer.take() : bytes;
}

/** Resource → scope → rows. */
function grouped({ length, resource, scope }: RowsToWrite): Map<number, Map<number, number[]>> {
  const groups = new Map<number, Map<number, number[]>>();
  let rows: number[] = [];
  for (let row = 0; row < length; row++) {
    if (row === 0 || resource[row] !== resource[row - 1] || scope[row] !== scope[row - 1]) {
      const scopes = groups.get(resource[row]!) ?? new Map<number, number[]>();
      groups.set(resource[row]!, scopes);
      rows = scopes.get(scope[row]!) ?? [];
      scopes.set(scope[row]!, rows);
    }
    rows.push(row);
  }
  return groups;
}

interface Parts {
  /** The message of field 1, joined where it comes in pieces. */
  readonly head: Uint8Array | undefined;
  /** Where the content of each field 2 begins and ends, in turn. */
  readonly items: readonly number[];
  readonly schemaUrl: string;
  readonly unknown: Uint8Array | undefined;
}

function readParts(bytes: Uint8Array, from: number, to: number): Parts {
  const reader = new WireReader(bytes, from, to);
  const heads: Uint8Array[] = [];
  const items: number[] = [];
  const unknown: Uint8Array[] = [];
  let schemaUrl = '';
  while (!reader.done) {
    const start = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case 1 * 8 + DELIMITED: {
        const end = reader.delimited();
        heads.push(bytes.slice(reader.position, end));
        reader.position = end;
        break;
      }
      case 2 * 8 + DELIMITED: {
        const end = reader.delimited();
        items.push(reader.position, end);
        reader.position = end;
        break;
      }
      case 3 * 8 + DELIMITED:
        schemaUrl = readString(reader);
        break;
      default:
        reader.skip(tag);
        unknown.push(bytes.subarray(start, reader.position));
    }
  }
  return {
    head: heads.length > 0 ? joinBytes(heads) : undefined,
    items,
    schemaUrl,
    unknown: unknown.length > 0 ? joinBytes(unknown).slice() : undefined,
  };
}

function resourceOf({ head, schemaUrl, unknown }: Parts): Resource {
  if (head === undefined && schemaUrl === '' && unknown === undefined) return { ...EMPTY_RESOURCE };
  return resourceFromBytes(head ?? new Uint8Array(0), schemaUrl, unknown);
}

function scopeOf({ head, schemaUrl, unknown }: Parts): InstrumentationScope {
  if (head === undefined && schemaUrl === '' && unknown === undefined) return { ...EMPTY_SCOPE };
  return scopeFromBytes(head ?? new Uint8Array(0), schemaUrl, unknown);
}

/** Reads one field: its content when it is delimited and has this number, undefined when it was passed over. */
function delimitedField(
  reader: WireReader,
  number: number,
): { readonly from: number; readonly to: number } | undefined {
  const tag = reader.tag();
  if (tag !== number * 8 + DELIMITED) {
    reader.skip(tag);
    return undefined;
  }
  const to = reader.delimited();
  const from = reader.position;
  reader.position = to;
  return { from, to };
}
