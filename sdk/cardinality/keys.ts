import { hashBytes } from '../../pdata/hash-bytes.ts';
import type { InstrumentationScope, Resource } from '../../pdata/series-table.ts';

const HIGH_BITS = 0x1f_ffff;

/**
 * Whole numbers from 1 to 2^53 - 1 that stand for values and series where only their number counts: two that coincide share a place in a
 * budget, never their data. The seed differs between instances, so that nobody can prepare coincidences.
 */
export class Keys {
  readonly #low = (Math.random() * 0x1_0000_0000) | 0;
  readonly #high = (Math.random() * 0x1_0000_0000) | 0;
  readonly #origins = new WeakMap<Resource | InstrumentationScope, number>();

  ofBytes(bytes: Uint8Array, start = 0, end = bytes.length, salt = 0): number {
    const low = hashBytes(bytes, start, end, this.#low ^ salt) >>> 0;
    const high = hashBytes(bytes, start, end, this.#high ^ Math.imul(salt, 0x9e37_79b1)) & HIGH_BITS;
    return high * 0x1_0000_0000 + low || 1;
  }

  ofText(text: string): number {
    let low = this.#low;
    let high = this.#high;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      low = Math.imul(low ^ code, 0x85eb_ca6b);
      low = (low << 13) | (low >>> 19);
      high = Math.imul(high ^ code, 0xc2b2_ae35);
      high = (high << 15) | (high >>> 17);
    }
    return (mixed(high ^ text.length) & HIGH_BITS) * 0x1_0000_0000 + (mixed(low ^ text.length) >>> 0) || 1;
  }

  ofOrigin(origin: Resource | InstrumentationScope): number {
    let key = this.#origins.get(origin);
    if (key === undefined) {
      key = this.ofBytes(origin.bytes, 0, origin.bytes.length, this.ofText(origin.schemaUrl) | 0);
      this.#origins.set(origin, key);
    }
    return key;
  }

  ofSeries(resource: Resource, scope: InstrumentationScope, attributes: Uint8Array, end = attributes.length): number {
    const salt = Math.imul(this.ofOrigin(resource) | 0, 0x27d4_eb2f) ^ (this.ofOrigin(scope) | 0);
    return this.ofBytes(attributes, 0, end, salt);
  }
}

function mixed(hash: number): number {
  let result = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  result = Math.imul(result ^ (result >>> 13), 0xc2b2_ae35);
  return result ^ (result >>> 16);
}
