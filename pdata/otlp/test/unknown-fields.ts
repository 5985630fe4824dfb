import type { MessageTable } from '../json-table.ts';
import { WireReader } from '../wire.ts';

/** What is counted and left out in a search for unknown fields. */
export interface SearchRules {
  /** Whether a message is one of the items that batches hold. */
  readonly isItem: (name: string) => boolean;
  /** Whether a message has no place in a batch of its own when no item is below it. */
  readonly isHolder: (name: string) => boolean;
}

/** Fields that OTLP does not know, with the message they are in and their bytes; those of the request itself are left out. */
export function unknownBelow(request: MessageTable, bytes: Uint8Array, rules: SearchRules): readonly string[] {
  return search(request, bytes, rules).inner;
}

function search(
  table: MessageTable,
  bytes: Uint8Array,
  rules: SearchRules,
): { readonly items: number; readonly own: readonly string[]; readonly inner: readonly string[] } {
  const reader = new WireReader(bytes);
  const own: string[] = [];
  const inner: string[] = [];
  let items = rules.isItem(table.name) ? 1 : 0;
  while (!reader.done) {
    const start = reader.position;
    const tag = reader.tag();
    const field = table.fields[table.slots[tag >>> 3] ?? -1];
    if (field === undefined) {
      reader.skip(tag);
      own.push(`${table.name} ${Buffer.from(bytes.subarray(start, reader.position)).toString('hex')}`);
    } else if (field.message === undefined) {
      reader.skip(tag);
    } else {
      const end = reader.delimited();
      const found = search(field.message, bytes.subarray(reader.position, end), rules);
      reader.position = end;
      items += found.items;
      if (found.items > 0 || !rules.isHolder(field.message.name)) inner.push(...found.own, ...found.inner);
    }
  }
  return { items, own, inner };
}
