import type { Signal } from '../../signals.ts';
import { type FieldTable, type MessageTable, REQUESTS, wireType } from '../json-table.ts';
import { DELIMITED, WireWriter } from '../wire.ts';

export interface RandomOptions {
  /** Items of repeated fields at most. */
  readonly size?: number;
  /** Fields that OTLP does not know, in every message. */
  readonly unknownFields?: boolean;
  /** Fields in an order that is not that of their numbers. */
  readonly shuffled?: boolean;
  /** Scalars that are zero, and messages that are empty, are written too. */
  readonly zeros?: boolean;
}

/** An export request of random content, the same for the same seed; every field of every message occurs. */
export function randomRequest(signal: Signal, seed: number, options: RandomOptions = {}): Uint8Array {
  const writer = new WireWriter();
  new Randomly(new Dice(seed), writer, options).message(REQUESTS[signal], 0);
  return writer.take();
}

/** Numbers from a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to 2^32 - 1. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  below(limit: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * limit);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  chance(share: number): boolean {
    return this.word() < share * 0x1_0000_0000;
  }
}

const TEXTS = [
  'a',
  'http.method',
  'ünïcödé 𝒳 \u{fffd}',
  'quote " back \\ slash /',
  '\n\r\t\b\f\u0001\u001f\u007f',
  '<&>\u2028',
  'x'.repeat(200),
];
const DOUBLES = [
  0,
  -0,
  1,
  -1,
  1.5,
  0.1,
  1e21,
  1e-7,
  5e-324,
  1.7976931348623157e308,
  123456789012,
  2 ** 53,
  -2.5e-10,
  1e20,
];
const ODD_DOUBLES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const WORDS64 = [
  0n,
  1n,
  42n,
  2n ** 32n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
  1795227452000000001n,
];

class Randomly {
  readonly #dice: Dice;
  readonly #writer: WireWriter;
  readonly #options: RandomOptions;

  constructor(dice: Dice, writer: WireWriter, options: RandomOptions) {
    this.#dice = dice;
    this.#writer = writer;
    this.#options = options;
  }

  message(table: MessageTable, depth: number): void {
    const dice = this.#dice;
    const taken = new Set<number>();
    const fields = [...table.fields].sort((a, b) => a.number - b.number);
    if (this.#options.shuffled) for (let i = fields.length - 1; i > 0; i--) swap(fields, i, dice.below(i + 1));
    const choice = new Set(fields.filter(({ excludes }) => excludes.length > 0).map(({ slot }) => slot));
    const chosen = choice.size > 0 ? dice.one([...choice]) : -1;
    for (const field of fields) {
      if (this.#options.unknownFields && dice.chance(0.15)) this.#unknown();
      if (taken.has(field.slot) || (field.excludes.length > 0 && field.slot !== chosen)) continue;
      taken.add(field.slot);
      const isOuter = depth < 5 && field.message !== undefined;
      if (isOuter ? dice.chance(0.95) : dice.chance(0.75)) this.#field(field, depth);
    }
    if (this.#options.unknownFields && dice.chance(0.15)) this.#unknown();
  }

  #field(field: FieldTable, depth: number): void {
    const dice = this.#dice;
    const writer = this.#writer;
    if (!field.repeated) {
      this.#value(field, depth);
      return;
    }
    const count = depth > 12 ? 0 : dice.below((this.#options.size ?? 4) + 1);
    if (wireType(field.kind) === DELIMITED) {
      for (let i = 0; i < count; i++) this.#value(field, depth);
      return;
    }
    if (count === 0) return;
    const mark = writer.begin(field.number);
    for (let i = 0; i < count; i++) this.#number(field);
    writer.end(mark);
  }

  #value(field: FieldTable, depth: number): void {
    const dice = this.#dice;
    const writer = this.#writer;
    switch (field.kind) {
      case 'message': {
        const mark = writer.begin(field.number);
        if (depth < 14) this.message(field.message!, depth + 1);
        writer.end(mark);
        return;
      }
      case 'string': {
        const text = this.#options.zeros && dice.chance(0.1) ? '' : dice.one(TEXTS);
        writer.string(field.number, text);
        return;
      }
      case 'id':
        writer.bytes(field.number, this.#bytes(field.length));
        return;
      case 'bytes':
        writer.bytes(field.number, this.#bytes(dice.below(7)));
        return;
      default:
        writer.tag(field.number, wireType(field.kind));
        this.#number(field);
    }
  }

  #number(field: FieldTable): void {
    const dice = this.#dice;
    const writer = this.#writer;
    const zero = this.#options.zeros === true && dice.chance(0.1);
    const word = zero ? 0n : dice.chance(0.5) ? dice.one(WORDS64.slice(1)) : BigInt(dice.below(1e9) + 1);
    const small = zero ? 0 : dice.one([1, 2, 3, 100, 0xffff_ffff]);
    switch (field.kind) {
      case 'double':
        writer.double(
          zero
            ? 0
            : dice.chance(0.1)
              ? dice.one(ODD_DOUBLES)
              : dice.one(DOUBLES.slice(2)) * (dice.chance(0.5) ? 1 : dice.word()) || 1,
        );
        return;
      case 'fixed64':
      case 'sfixed64':
        writer.fixed64(word);
        return;
      case 'fixed32':
        writer.fixed32(small);
        return;
      case 'int64':
      case 'uint64':
        writer.int64(BigInt.asIntN(64, word));
        return;
      case 'enum':
        writer.varint(zero ? 0 : dice.below(3) + 1);
        return;
      case 'bool':
        writer.varint(zero ? 0 : 1);
        return;
      case 'int32':
        writer.varint(small & 0x7fff_ffff || 1);
        return;
      default:
        writer.varint(small);
    }
  }

  #bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#dice.below(255) + 1;
    return bytes;
  }

  /** A field of a number that no message has, of any wire type. */
  #unknown(): void {
    const dice = this.#dice;
    const writer = this.#writer;
    const number = dice.one([20, 77, 100_000]);
    switch (dice.below(4)) {
      case 0:
        writer.tag(number, 0);
        writer.varint(dice.word());
        return;
      case 1:
        writer.tag(number, 1);
        writer.fixed64(dice.one(WORDS64));
        return;
      case 2:
        writer.bytes(number, this.#bytes(dice.below(20)));
        return;
      default:
        writer.tag(number, 5);
        writer.fixed32(dice.word());
    }
  }
}

function swap<T>(items: T[], a: number, b: number): void {
  const kept = items[a]!;
  items[a] = items[b]!;
  items[b] = kept;
}
