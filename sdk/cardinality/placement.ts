import type { AttributeSet } from '../../pdata/attribute-set.ts';
import type { AttributeValue } from '../../pdata/attributes.ts';
import { attributeSet } from '../../pdata/encoded-attributes.ts';
import { EMPTY_RESOURCE, EMPTY_SCOPE } from '../../pdata/resource.ts';
import type { InstrumentationScope, Resource, SeriesId, SeriesTable } from '../../pdata/series-table.ts';
import { type AttributeBudget, AttributeBudgets } from './attribute-budget.ts';
import { attributeEntries, OverflowForm } from './attribute-entries.ts';
import { Bindings } from './bindings.ts';
import type { Keys } from './keys.ts';
import type { MadeSeries } from './made-series.ts';
import { type MetricLimit, reserveOf } from './options.ts';
import { type Hold, MADE, PASSES, Rows } from './rows.ts';
import { Seats } from './seats.ts';
import type { SharedBudgets } from './shared-budgets.ts';

/** What OpenTelemetry's SDKs call the series that takes what finds no room. */
const OVERFLOW = attributeSet({ 'otel.metric.overflow': true });

export interface PlacementParts {
  readonly limit: MetricLimit;
  readonly overflowValue: string;
  readonly shared: SharedBudgets;
  readonly made: MadeSeries;
  readonly keys: Keys;
  /** Whether series that pass are kept by content too, so that they can be ended from here. */
  readonly keepsPassing: boolean;
  /** Called when series that passed go through a made one from now on: those that led there deserve a closer look. */
  readonly becameMade: () => void;
}

/** Where a series comes from. */
interface Origin {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly resourceKey: number;
}

/** Where an incoming series goes. */
export interface Place {
  readonly binding: number;
  /** Key of the series as its sender knows it. */
  readonly sourceKey: number;
  /** Key by which the series competes for a place among those that tell all; 0 where a limit of values forbids that. */
  readonly plainKey: number;
  /** Its attributes and their values, after rewriting. */
  readonly attributes: readonly AttributeBudget[];
  readonly values: readonly number[];
}

/**
 * Decides for each series that is new to a metric under which attributes it goes on: all of them while there is room; else
 * without the value that has no name; else the attribute with the most values is given up first, then the next, until a series
 * is found that is there already or finds room. Last comes the metric's overflow series, which always has it.
 */
export class Placement {
  readonly rows = new Rows();
  readonly bindings = new Bindings();
  readonly attributes: AttributeBudgets;
  /** Names of series that tell all their attributes. */
  readonly seats: Seats;
  readonly #parts: PlacementParts;
  readonly #overflowKey: number;
  readonly #form: OverflowForm;
  #overflowRow = 0;

  constructor(parts: PlacementParts) {
    const { limit, overflowValue, keys } = parts;
    this.#parts = parts;
    this.attributes = new AttributeBudgets(limit.attributes, limit.strategy);
    this.seats = new Seats(limit.maxSeries - reserveOf(limit.maxSeries), limit.strategy);
    this.#form = new OverflowForm(overflowValue);
    this.#overflowKey = attributeEntries(attributeSet({ x: overflowValue }).bytes, keys).values[0]!;
  }

  /** Finds or makes the place of a series. */
  place(table: SeriesTable, id: SeriesId): Place {
    const { keys } = this.#parts;
    const resource = table.resource(id);
    const scope = table.scope(id);
    const came = table.attributes(id);
    const rewritten = this.#rewrite(came);
    const entries = attributeEntries(rewritten.bytes, keys);
    const { values } = entries;
    const attributes = entries.names.map((name) => this.attributes.of(name));
    for (const [i, attribute] of attributes.entries()) attribute.distinct.add(values[i]!);
    const replaced = attributes.map(({ seats }, i) => this.#canFold(values[i]!) && seats?.admits(values[i]!) === false);
    const plainKey = keys.ofSeries(resource, scope, rewritten.bytes);
    const sourceKey = rewritten === came ? plainKey : keys.ofSeries(resource, scope, came.bytes);
    const folds = (): AttributeBudget[] => attributes.filter((_, i) => replaced[i]);
    const competes = !replaced.includes(true);
    const binding = (row: number): Place => ({
      binding: this.bindings.to(row, folds()),
      sourceKey,
      plainKey: competes ? plainKey : 0,
      attributes,
      values,
    });
    const origin = { resource, scope, resourceKey: keys.ofOrigin(resource) };
    const row = competes
      ? this.#row(origin, rewritten, rewritten !== came, this.#holds(attributes, values, replaced))
      : 0;
    if (row !== 0) return binding(row);
    for (const next of this.#order(attributes, values, replaced)) {
      if (next >= 0) replaced[next] = true;
      this.#form.make(rewritten, entries, replaced);
      const found = this.#row(origin, this.#form, true, this.#holds(attributes, values, replaced));
      if (found !== 0) return binding(found);
    }
    const overflow = this.#overflow();
    for (const [i, value] of values.entries()) replaced[i] = this.#canFold(value);
    return binding(overflow);
  }

  /** The row of a series that passes as it came; 0 when there is none. */
  passing(table: SeriesTable, id: SeriesId): number {
    const row = this.rows.byKey.get(this.keyOf(table, id)) ?? 0;
    return this.rows.kind[row] === PASSES ? row : 0;
  }

  /** Key of a series as its sender knows it. */
  keyOf(table: SeriesTable, id: SeriesId): number {
    return this.#parts.keys.ofSeries(table.resource(id), table.scope(id), table.attributes(id).bytes);
  }

  /** Whether points are made for exactly this series. */
  makes(table: SeriesTable, id: SeriesId): boolean {
    const row = this.rows.byKey.get(this.keyOf(table, id)) ?? 0;
    return (
      this.rows.kind[row] === MADE &&
      this.#parts.made.is(this.rows.outId[row]!, table.resource(id), table.scope(id), table.attributes(id).bytes)
    );
  }

  /** Gives up the names that a row holds on to. The row itself stays. */
  letGo(row: number): void {
    for (const { attribute, key } of this.rows.holds[row]!) attribute.seats!.leave(key);
    this.rows.holds[row] = [];
  }

  /** Ends a row and frees what it held. */
  end(row: number): void {
    const { rows } = this;
    if (row === this.#overflowRow) this.#overflowRow = 0;
    else this.#parts.shared.remove(rows.resource[row]!);
    if (rows.plain[row] === 1) this.seats.leave(rows.key[row]!);
    this.letGo(row);
    rows.end(row);
  }

  /** The row for a form of a series; 0 when there is no room for it. */
  #row(origin: Origin, form: AttributeSet | OverflowForm, isMade: boolean, holds: () => readonly Hold[]): number {
    const { rows } = this;
    const { made, keys, shared, limit, keepsPassing } = this.#parts;
    const { resource, scope, resourceKey } = origin;
    const plain = !(form instanceof OverflowForm);
    const end = plain ? form.bytes.length : form.length;
    let key = keys.ofSeries(resource, scope, form.bytes, end);
    for (let row = rows.byKey.get(key); row !== undefined; row = rows.byKey.get(key)) {
      if (rows.kind[row] === PASSES) {
        if (!isMade) return row;
        rows.makes(row, made.intern(resource, scope, plain ? form : form.toSet()));
        this.#parts.becameMade();
        return row;
      }
      if (made.is(rows.outId[row]!, resource, scope, form.bytes, end)) return row;
      key = key === Number.MAX_SAFE_INTEGER ? 1 : key + 1;
    }
    const others = rows.live - (this.#overflowRow === 0 ? 0 : 1);
    if (others >= limit.maxSeries - 1) return 0;
    if ((plain && !this.seats.admits(key)) || !shared.admits(resourceKey, plain)) return 0;
    const held = holds();
    const row = rows.add(isMade ? MADE : PASSES, key, resourceKey, held, plain);
    if (isMade || keepsPassing) rows.outId[row] = made.intern(resource, scope, plain ? form : form.toSet());
    if (plain) this.seats.take(key);
    for (const hold of held) hold.attribute.seats!.take(hold.key);
    shared.add(resourceKey);
    return row;
  }

  /** The values that a row keeps a name for. */
  #holds(
    attributes: readonly AttributeBudget[],
    values: readonly number[],
    replaced: readonly boolean[],
  ): () => readonly Hold[] {
    return () =>
      attributes.flatMap((attribute, i) =>
        attribute.seats === undefined || replaced[i] === true || !this.#canFold(values[i]!)
          ? []
          : [{ attribute, key: values[i]! }],
      );
  }

  #overflow(): number {
    if (this.#overflowRow === 0) {
      const { keys, made } = this.#parts;
      let key = keys.ofSeries(EMPTY_RESOURCE, EMPTY_SCOPE, OVERFLOW.bytes);
      while (this.rows.byKey.has(key)) key++;
      this.#overflowRow = this.rows.add(MADE, key, 0, [], false);
      this.rows.outId[this.#overflowRow] = made.intern(EMPTY_RESOURCE, EMPTY_SCOPE, OVERFLOW);
    }
    return this.#overflowRow;
  }

  /** What is given up: first, as −1, what is already, if anything; then one attribute after the other, those with the most values first. */
  *#order(
    attributes: readonly AttributeBudget[],
    values: readonly number[],
    replaced: readonly boolean[],
  ): Generator<number> {
    if (replaced.includes(true)) yield -1;
    yield* [...attributes.keys()]
      .filter((i) => !replaced[i] && this.#canFold(values[i]!))
      .sort((a, b) => attributes[b]!.distinct.value - attributes[a]!.distinct.value);
  }

  /** What has the overflow value already needs no name and cannot be folded. */
  #canFold(value: number): boolean {
    return value !== this.#overflowKey;
  }

  #rewrite(came: AttributeSet): AttributeSet {
    const { attributes } = this.#parts.limit;
    let set = came;
    for (const [name, { drop, rewrite }] of attributes) {
      if (drop === true) {
        set = set.without([name]);
      } else if (rewrite !== undefined) {
        const value = set.get(name);
        if (value !== undefined) set = set.with(entry(name, rewrite(value)));
      }
    }
    return set;
  }
}

function entry(name: string, value: AttributeValue): Readonly<Record<string, AttributeValue>> {
  return Object.fromEntries([[name, value]]);
}
