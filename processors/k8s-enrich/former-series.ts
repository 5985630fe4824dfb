import { Buffer } from 'node:buffer';
import type { AttributeSet, Resource } from 'bpflow/sdk';

/** Series whose former names are remembered. Beyond, those that were renamed first are forgotten: they end with the exporter. */
const MAX_SERIES = 65_536;

/**
 * Names that series of our own had before names came late. What was counted under them stays there, as a series of its own
 * that does not grow any more, so no total falls; it ends with its successor.
 */
export class FormerSeries {
  readonly #resources = new Map<string, readonly Resource[]>();

  get size(): number {
    return this.#resources.size;
  }

  /** `resource`: as it comes from the source; `former`: what it became until now. */
  add(resource: Resource, attributes: AttributeSet, former: Resource): void {
    const key = keyOf(resource, attributes);
    const known = this.#resources.get(key) ?? [];
    if (known.includes(former)) return;
    this.#resources.delete(key);
    this.#resources.set(key, [...known, former]);
    if (this.#resources.size <= MAX_SERIES) return;
    const [oldest] = this.#resources.keys();
    this.#resources.delete(oldest!);
  }

  of(resource: Resource, attributes: AttributeSet): readonly Resource[] {
    return this.#resources.size === 0 ? [] : (this.#resources.get(keyOf(resource, attributes)) ?? []);
  }
}

function keyOf(resource: Resource, attributes: AttributeSet): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  return `${text(resource.bytes)}\0${text(attributes.bytes)}`;
}
