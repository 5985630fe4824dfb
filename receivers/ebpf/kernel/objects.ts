import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Bpf, BpfError, type BpfObject, layoutHash } from 'bpflow/sdk';
import { type ObjectName, partOf } from './parts.ts';

export interface ObjectSource {
  /** Folder with `<name>.bpf.o`. */
  readonly folder: string;
  /** Kernel BTF to relocate against; empty: the running kernel's own. */
  readonly btfPath: string;
  /** Paths of objects that stand before those of the folder, by the name of the file. */
  readonly own?: ReadonlyMap<string, string>;
}

/**
 * Opens one object and checks that its structs lie as user space reads them. Throws a BpfError with the code `bad_object`
 * that names the file when it is missing, truncated or not of this version. Without `atomics` it is the object for kernels
 * before 5.12, which refuse any that contains an atomic exchange; task state is in a hash then.
 */
export function openObject(bpf: Bpf, name: ObjectName, source: ObjectSource, atomics = true): BpfObject {
  const file = fileNames(name)[atomics ? 0 : 1];
  const path = source.own?.get(file) ?? join(source.folder, file);
  if (!existsSync(path)) throw bad(path, 'is missing; build it with `npm run setup`');
  const object = bpf.open(path, source.btfPath === '' ? {} : { btfPath: source.btfPath });
  try {
    for (const [struct, hash] of Object.entries(partOf(name).layouts)) checkLayout(object, path, struct, hash);
    return object;
  } catch (error) {
    object.close();
    throw error;
  }
}

/** Files of an object: the usual one, and that for kernels before 5.12. */
export function fileNames(name: ObjectName): readonly [usual: string, plainAtomics: string] {
  return [`${name}.bpf.o`, `${name}.plain-atomics.bpf.o`];
}

/** Where the objects of this machine's architecture are: in a checkout's `build/`, else in the package's `prebuilds/`. */
export function objectFolder(start: string = import.meta.dirname): string {
  const root = packageRoot(start);
  const built = join(root, 'build', 'bpf', process.arch === 'arm64' ? 'arm64' : 'x86');
  return existsSync(built) ? built : join(root, 'prebuilds', `linux-${process.arch}`);
}

function checkLayout(object: BpfObject, path: string, struct: string, hash: string): void {
  let found: string;
  try {
    found = layoutHash(object.layout(struct));
  } catch (cause) {
    throw bad(path, `has no struct ${struct}; it is not one of this version's objects`, cause);
  }
  if (found !== hash) throw bad(path, `has another layout of struct ${struct}; rebuild it, it is of another version`);
}

function bad(path: string, what: string, cause?: unknown): BpfError {
  return new BpfError(
    `BPF object ${path} ${what}.`,
    { code: 'bad_object', operation: 'open', subject: path },
    { cause },
  );
}

/** Where the agent is installed, or its checkout. */
export function packageRoot(folder: string): string {
  const parent = dirname(folder);
  return existsSync(join(folder, 'package.json')) || parent === folder ? folder : packageRoot(parent);
}
