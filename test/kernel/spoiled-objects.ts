import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';

/** `r0 = *(u64 *)(r0 + 0)` at the beginning: what nobody has set is read, which every verifier refuses. */
const REFUSED = Uint8Array.of(0x79, 0, 0, 0, 0, 0, 0, 0);
/** The last lines that a verifier then says. */
export const REFUSED_LOG = /\(79\) r0 = \*\(u64 \*\)\(r0 .*\nR0 !read_ok/;

/** A copy of the BPF objects that something can be done to. Removed at the end. */
export class SpoiledObjects implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'bpflow-spoiled-'));

  constructor() {
    cpSync(objectFolder(), this.folder, { recursive: true });
  }

  /** As on a kernel that has no tracepoint of this name: it is another, equally long one. */
  withoutTracepoint(object: string, name: string): this {
    return this.#change(object, (bytes) => renamed(bytes, `/${name}\0`, `/${'x'.repeat(name.length)}\0`));
  }

  /** As on a kernel that has no hook of this kind for it: the section is named for another, equally long one. */
  withoutHook(object: string, section: string): this {
    return this.#change(object, (bytes) => renamed(bytes, `${section}\0`, `${section.slice(0, -4)}gone\0`));
  }

  /** As on a kernel whose verifier refuses the only program of this section. */
  refused(object: string, section: string): this {
    return this.#change(object, (bytes) => {
      bytes.set(REFUSED, sectionAt(bytes, section));
      return bytes;
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #change(object: string, change: (bytes: Buffer) => Buffer): this {
    for (const name of [`${object}.bpf.o`, `${object}.plain-atomics.bpf.o`]) {
      const path = join(this.folder, name);
      writeFileSync(path, change(readFileSync(path)));
    }
    return this;
  }
}

function renamed(bytes: Buffer, known: string, unknown: string): Buffer {
  const text = bytes.toString('latin1');
  if (!text.includes(known)) throw new Error(`There is no ${known.slice(0, -1)}.`);
  return Buffer.from(text.replaceAll(known, unknown), 'latin1');
}

/** Where the contents of a section begin, in a 64-bit little-endian ELF file. */
function sectionAt(bytes: Buffer, wanted: string): number {
  const table = Number(bytes.readBigUInt64LE(0x28));
  const header = (index: number) => bytes.subarray(table + index * 64);
  const offset = (index: number) => Number(header(index).readBigUInt64LE(0x18));
  const names = offset(bytes.readUInt16LE(0x3e));
  for (let index = 1; index < bytes.readUInt16LE(0x3c); index++) {
    const start = names + header(index).readUInt32LE(0);
    if (bytes.toString('latin1', start, bytes.indexOf(0, start)) === wanted) return offset(index);
  }
  throw new Error(`There is no section ${wanted}.`);
}
