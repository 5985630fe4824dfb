import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { asError, type Bpf, type BpfMap, type BpfProgram, type Closeable } from 'bpflow/sdk';
import { distrust } from './trusted-path.ts';

/** BPF_FS_MAGIC of include/uapi/linux/magic.h. */
const BPF_FS = 0xcafe4a11;

/** A link that says whose the folder is: by what it leads to, who made the folder. Names there must have no dots. */
const OWNER = 'owner';
const FOUND = 'bpflow';
const MADE = 'bpflow-made';
const FOLDERS = ['maps', 'programs'] as const;

/** What is given names. */
export interface Pinned {
  readonly maps: readonly BpfMap[];
  readonly programs: ReadonlyMap<string, BpfProgram>;
}

/** Why nothing can be pinned below this path; undefined when something can. */
export function pinObstacle(path: string): string | undefined {
  const parent = dirname(path);
  try {
    if (statfsSync(parent).type >>> 0 === BPF_FS) return undefined;
  } catch (error) {
    return `pin_path: ${parent} cannot be read: ${asError(error).message}`;
  }
  return `pin_path: ${parent} is no BPF file system. Name a folder in one, such as /sys/fs/bpf/bpflow; mount -t bpf bpf /sys/fs/bpf makes it.`;
}

/**
 * Maps and programs under names in a BPF file system, for other tools to read: `<path>/maps/<name>`, `<path>/programs/<name>`. They are
 * removed as it is closed; what an agent that was killed has left is replaced. Locked against others who use the same folder.
 */
export class Pins implements Closeable {
  readonly #path: string;
  readonly #lock: number;
  #isMine = false;
  #closed = false;

  /** Throws an Error that says what to do; nothing of it is left behind then, and nothing that is not an agent's was touched. */
  constructor(bpf: Bpf, path: string, { maps, programs }: Pinned) {
    this.#path = path;
    const obstacle = pinObstacle(path);
    if (obstacle !== undefined) throw new Error(obstacle);
    const isMade = made(path);
    this.#lock = openSync(path, 'r');
    try {
      const why = distrust(path, 'folder');
      if (why !== undefined) throw new Error(`pin_path: ${why}`);
      if (!bpf.tryLock(this.#lock)) throw new Error(`pin_path: ${path} is in use by another agent or receiver.`);
      this.#takeOver(isMade);
      for (const folder of FOLDERS) made(join(path, folder));
      for (const map of maps) map.pin(join(path, 'maps', map.name));
      for (const [name, program] of programs) program.pin(join(path, 'programs', name));
    } catch (error) {
      this.close();
      if (isMade && !this.#isMine) rmdirSync(path);
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.#isMine) this.#remove();
    } finally {
      closeSync(this.#lock);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #takeOver(isMade: boolean): void {
    const foreign = foreignIn(this.#path);
    if (foreign !== undefined) {
      throw new Error(`pin_path: ${foreign} is not of an agent. Name another folder, or remove it.`);
    }
    if (ownerOf(this.#path) === undefined) symlinkSync(isMade ? MADE : FOUND, join(this.#path, OWNER));
    this.#isMine = true;
    for (const folder of FOLDERS) empty(join(this.#path, folder));
  }

  /** The owner's mark goes last: what is left until then is known as an agent's. */
  #remove(): void {
    for (const folder of FOLDERS) {
      empty(join(this.#path, folder));
      if (isThere(join(this.#path, folder))) rmdirSync(join(this.#path, folder));
    }
    const owner = ownerOf(this.#path);
    unlinkSync(join(this.#path, OWNER));
    if (owner === MADE) rmdirSync(this.#path);
  }
}

/** Whether the folder had to be made. */
function made(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new Error(`pin_path: ${path} cannot be made: ${asError(error).message}`);
  }
}

/** Something in the folder that no agent has made. */
function foreignIn(path: string): string | undefined {
  const entries = readdirSync(path, { withFileTypes: true });
  if (entries.length === 0) return undefined;
  const isOwned = ownerOf(path) !== undefined;
  const known: readonly string[] = isOwned ? [OWNER, ...FOLDERS] : [];
  const stranger = entries.find(({ name }) => !known.includes(name));
  if (stranger !== undefined) return join(path, stranger.name);
  for (const folder of FOLDERS) {
    if (!isThere(join(path, folder))) continue;
    const inside = readdirSync(join(path, folder), { withFileTypes: true }).find((entry) => !entry.isFile());
    if (inside !== undefined) return join(path, folder, inside.name);
  }
  return undefined;
}

function ownerOf(path: string): string | undefined {
  try {
    const owner = readlinkSync(join(path, OWNER));
    return owner === MADE || owner === FOUND ? owner : undefined;
  } catch {
    return undefined;
  }
}

function empty(folder: string): void {
  if (isThere(folder)) for (const name of readdirSync(folder)) unlinkSync(join(folder, name));
}

function isThere(folder: string): boolean {
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
}
