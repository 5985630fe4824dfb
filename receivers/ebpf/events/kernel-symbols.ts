import { closeSync, createReadStream, openSync } from 'node:fs';

/** Functions of the kernel that are known at most: what a kernel with all its modules has, several times over. */
const MOST_SYMBOLS = 1_000_000;

/**
 * Names of the kernel's functions, by address. Until they are read, and where the kernel shows none, addresses stand for
 * themselves.
 *
 *     addresses │ ffffffff81000000 │ ffffffff81000100 │ …
 *     ends      │ 6                │ 20               │ …
 *     names     │ _stextbpf_trace_run2…
 */
export class KernelSymbols {
  #addresses = new BigUint64Array(0);
  #ends = new Uint32Array(0);
  #names = Buffer.alloc(0);

  /** Functions that are known. */
  get size(): number {
    return this.#addresses.length;
  }

  /** `tcp_v4_connect+0x1d`, or `0xffffffff81000000`. */
  name(address: bigint): string {
    let low = 0;
    let high = this.#addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#addresses[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    const found = low - 1;
    if (found < 0) return `0x${address.toString(16)}`;
    const name = this.#names.toString('latin1', found === 0 ? 0 : this.#ends[found - 1]!, this.#ends[found]!);
    return `${name}+0x${(address - this.#addresses[found]!).toString(16)}`;
  }

  /**
   * Reads /proc/kallsyms, piece by piece beside other work. The file is opened before this returns: whether the kernel shows
   * addresses is decided then. Resolves at the end, also when there is nothing to read.
   */
  async read(path = '/proc/kallsyms'): Promise<void> {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      return;
    }
    const found: KernelFunction[] = [];
    let rest = '';
    try {
      for await (const piece of createReadStream('', { fd, autoClose: false, encoding: 'latin1' })) {
        const text: string = rest + piece;
        const end = text.lastIndexOf('\n') + 1;
        rest = text.slice(end);
        for (const [, address, name] of text.slice(0, end).matchAll(TEXT)) {
          if (found.length < MOST_SYMBOLS) found.push({ address: BigInt(`0x${address}`), name: name! });
        }
      }
    } catch {
      // What was read until now is true.
    } finally {
      closeSync(fd);
    }
    this.#keep(found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0)));
  }

  #keep(found: readonly KernelFunction[]): void {
    this.#names = Buffer.from(found.map(({ name }) => name).join(''), 'latin1');
    this.#ends = new Uint32Array(found.length);
    let end = 0;
    for (const [i, { name }] of found.entries()) {
      end += name.length;
      this.#ends[i] = end;
    }
    this.#addresses = BigUint64Array.from(found, ({ address }) => address);
  }
}

interface KernelFunction {
  readonly address: bigint;
  readonly name: string;
}

/** `ffffffff81000000 T name [module]`, text alone. Without the right to see them, all addresses are 0. */
const TEXT = /^(?!0+ )([0-9a-f]+) [tTwW] (\S+)/gm;
