import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { asError, type Bpf } from 'bpflow/sdk';
import { fileNames, type ObjectSource, openObject } from './objects.ts';
import type { ObjectName } from './parts.ts';
import { distrust } from './trusted-path.ts';

/** What became of an object of the user's own. */
export interface OwnObject {
  /** Name of the file. */
  readonly file: string;
  readonly used: boolean;
  /** Where it is, or why the packaged one is used. */
  readonly reason: string;
}

export interface OwnObjects {
  /** Paths of those that are used, by the name of the file. */
  readonly files: ReadonlyMap<string, string>;
  readonly status: readonly OwnObject[];
}

const NONE: OwnObjects = { files: new Map(), status: [] };

/**
 * Objects in a folder of the user's that stand before the packaged ones: each has to have the same programs, maps and structs, and
 * nobody but root and the agent's user may be able to change it. One that is refused is told with the reason.
 */
export function ownObjects(bpf: Bpf, folder: string, names: readonly ObjectName[], packaged: ObjectSource): OwnObjects {
  if (folder === '') return NONE;
  if (!existsSync(folder))
    return { ...NONE, status: [{ file: folder, used: false, reason: 'there is no such folder' }] };
  const present = names.flatMap((name) =>
    fileNames(name)
      .filter((file) => existsSync(join(folder, file)))
      .map((file) => ({ name, file })),
  );
  const files = new Map<string, string>();
  const status = present.map(({ name, file }): OwnObject => {
    const path = join(folder, file);
    const reason = distrust(path, 'file') ?? difference(bpf, name, file, path, packaged);
    if (reason !== undefined) return { file, used: false, reason };
    files.set(file, path);
    return { file, used: true, reason: `own object ${path}` };
  });
  return { files, status };
}

/** What became of them when none is used any more, because together they cannot be loaded. */
export function refuseAll({ status }: OwnObjects, why: unknown): readonly OwnObject[] {
  const { message } = asError(why);
  return status.map((each) => (each.used ? { ...each, used: false, reason: message } : each));
}

/** What keeps it from taking the place of the packaged one. */
function difference(
  bpf: Bpf,
  name: ObjectName,
  file: string,
  path: string,
  packaged: ObjectSource,
): string | undefined {
  const atomics = file === fileNames(name)[0];
  try {
    using own = openObject(bpf, name, { ...packaged, own: new Map([[file, path]]) }, atomics);
    using ours = openObject(bpf, name, packaged, atomics);
    for (const [what, wanted, has] of [
      ['program', ours.programNames, own.programNames],
      ['map', ours.mapNames, own.mapNames],
    ] as const) {
      const missing = wanted.filter((each) => !has.includes(each));
      if (missing.length > 0) return `${path} has no ${what} ${missing.join(', ')}`;
    }
    return undefined;
  } catch (error) {
    return asError(error).message;
  }
}
