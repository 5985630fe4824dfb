import { closeSync, createReadStream, openSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Functions of the kernel that are known at most: what a kernel with all its modules has, several times over. */
const MOST_SYMBOLS = 1_000_000;

/** Names of the kernel's functions. Until they are read, and where the kernel shows none, addresses stand for themselves. */
export class KernelSymbols {
  #addresses = new BigUint64Array(0);
  #names: readonly string[] = [];

  /** Functions that are known. */
  get size(): number {
    return this.#names.length;
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
    return low === 0
      ? `0x${address.toString(16)}`
      : `${this.#names[low - 1]}+0x${(address - this.#addresses[low - 1]!).toString(16)}`;
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
    const found: { address: bigint; name: string }[] = [];
    const input = createReadStream('', { fd, autoClose: false });
    try {
      for await (const line of createInterface({ input })) {
        const [, address, kind, name] = LINE.exec(line) ?? [];
        // Without the right to see them, all are 0.
        if (kind === undefined || BigInt(`0x${address}`) === 0n || found.length >= MOST_SYMBOLS) continue;
        found.push({ address: BigInt(`0x${address}`), name: name! });
      }
    } catch {
      // What was read until now is true.
    } finally {
      closeSync(fd);
    }
    found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    this.#addresses = BigUint64Array.from(found, ({ address }) => address);
    this.#names = found.map(({ name }) => name);
  }
}

/** Only text: `ffffffff81000000 T name [module]`. */
const LINE = /^([0-9a-f]+) ([tTwW]) (\S+)/;
