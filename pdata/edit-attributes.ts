import type { AttributeSet } from './attribute-set.ts';
import type { AttributeValue } from './attributes.ts';
import { LogColumnBuilder } from './log-column-builder.ts';
import { columnValue, encodeValue } from './log-columns.ts';
import type { LogColumn } from './logs.ts';

/** Attributes that are being changed, one item's at a time. What is not touched keeps its bytes. */
export interface AttributeEditor {
  get(key: string): AttributeValue | undefined;
  /** A copy: it does not follow changes. */
  keys(): readonly string[];
  /** Replaces or adds. */
  set(key: string, value: AttributeValue): void;
  delete(key: string): void;
}

/** The set after an edit; itself when nothing was touched. */
export function editAttributes(set: AttributeSet, edit: (attributes: AttributeEditor) => void): AttributeSet {
  const changes = new Map<string, AttributeValue | undefined>();
  const keys = (): string[] => [
    ...set.keys().filter((key) => !changes.has(key)),
    ...[...changes].flatMap(([key, value]) => (value === undefined ? [] : [key])),
  ];
  edit({
    get: (key) => (changes.has(key) ? changes.get(key) : set.get(key)),
    keys,
    set: (key, value) => void changes.set(key, value),
    delete: (key) => void (set.has(key) ? changes.set(key, undefined) : changes.delete(key)),
  });
  if (changes.size === 0) return set;
  const written: Record<string, AttributeValue> = {};
  const deleted: string[] = [];
  for (const [key, value] of changes) {
    if (value === undefined) deleted.push(key);
    else Object.defineProperty(written, key, { value, enumerable: true });
  }
  return set.without(deleted).with(written);
}

/**
 * The attribute columns of a batch after `edit` has seen each row; the same columns when nothing was touched. The editor is
 * valid during the call only.
 */
export function editAttributeColumns(
  columns: ReadonlyMap<string, LogColumn>,
  length: number,
  edit: (attributes: AttributeEditor, row: number) => void,
): ReadonlyMap<string, LogColumn> {
  const editor = new ColumnEditor(columns);
  for (editor.row = 0; editor.row < length; editor.row++) edit(editor, editor.row);
  return editor.build(length);
}

class ColumnEditor implements AttributeEditor {
  row = 0;
  readonly #columns: ReadonlyMap<string, LogColumn>;
  /** By key, then by row; `undefined` for a deleted value. */
  readonly #changes = new Map<string, Map<number, AttributeValue | undefined>>();

  constructor(columns: ReadonlyMap<string, LogColumn>) {
    this.#columns = columns;
  }

  get(key: string): AttributeValue | undefined {
    const changes = this.#changes.get(key);
    if (changes?.has(this.row)) return changes.get(this.row);
    const column = this.#columns.get(key);
    return column === undefined ? undefined : columnValue(column, this.row);
  }

  keys(): readonly string[] {
    const all = new Set([...this.#columns.keys(), ...this.#changes.keys()]);
    return [...all].filter((key) => this.get(key) !== undefined);
  }

  set(key: string, value: AttributeValue): void {
    this.#changesOf(key).set(this.row, value);
  }

  delete(key: string): void {
    if (this.get(key) !== undefined) this.#changesOf(key).set(this.row, undefined);
  }

  build(length: number): ReadonlyMap<string, LogColumn> {
    if (this.#changes.size === 0) return this.#columns;
    const built = new Map(this.#columns);
    for (const [key, changes] of this.#changes) {
      const column = changedColumn(this.#columns.get(key), changes, length);
      if (column === undefined) built.delete(key);
      else built.set(key, column);
    }
    return built;
  }

  #changesOf(key: string): Map<number, AttributeValue | undefined> {
    let changes = this.#changes.get(key);
    if (changes === undefined) {
      changes = new Map();
      this.#changes.set(key, changes);
    }
    return changes;
  }
}

/** Undefined when no row has a value. */
function changedColumn(
  column: LogColumn | undefined,
  changes: ReadonlyMap<number, AttributeValue | undefined>,
  length: number,
): LogColumn | undefined {
  if (column?.kind === 'encoded') return changedBytes(column.values, changes);
  const builder = new LogColumnBuilder();
  let some = false;
  for (let row = 0; row < length; row++) {
    const kept = column === undefined || changes.has(row) ? undefined : columnValue(column, row);
    const value = kept ?? changes.get(row);
    if (value === undefined) continue;
    builder.set(row, value);
    some = true;
  }
  return some ? builder.build(length) : undefined;
}

function changedBytes(
  values: readonly (Uint8Array | undefined)[],
  changes: ReadonlyMap<number, AttributeValue | undefined>,
): LogColumn | undefined {
  const changed = [...values];
  for (const [row, value] of changes) changed[row] = value === undefined ? undefined : encodeValue(value);
  return changed.every((bytes) => bytes === undefined) ? undefined : { kind: 'encoded', values: changed };
}
