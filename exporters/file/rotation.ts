import { access, readdir, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

export interface Rotation {
  readonly maxBytes: number;
  /** 0 for any age. */
  readonly maxDays: number;
  /** 0 for any number. */
  readonly maxBackups: number;
  readonly localTime: boolean;
}

const MS_PER_DAY = 86_400_000;

/** A free name for a file that is rotated now: `rot.json` → `rot-2026-11-21T02-22-19.589-size.json`. `now` is ms since 1970. */
export async function backupName(path: string, now: number, localTime: boolean): Promise<string> {
  const extension = extname(path);
  const stem = basename(path, extension);
  // Two rotations in one millisecond must not replace each other.
  for (let at = now; ; at++) {
    const name = join(dirname(path), `${stem}-${timestamp(at, localTime)}-size${extension}`);
    try {
      await access(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return name;
      throw error;
    }
  }
}

/** Removes rotated files that are too many or too old. Files whose names are not made by {@link backupName} are left alone. */
export async function removeOldBackups(path: string, now: number, rotation: Rotation): Promise<void> {
  const { maxBackups, maxDays, localTime } = rotation;
  if (maxBackups === 0 && maxDays === 0) return;
  const folder = dirname(path);
  const backups: { readonly name: string; readonly at: number }[] = [];
  for (const name of await readdir(folder)) {
    const at = timeOf(name, path, localTime);
    if (at !== undefined) backups.push({ name, at });
  }
  backups.sort((a, b) => b.at - a.at);
  const oldest = maxDays === 0 ? Number.NEGATIVE_INFINITY : now - maxDays * MS_PER_DAY;
  const excess = backups.filter(({ at }, index) => (maxBackups > 0 && index >= maxBackups) || at < oldest);
  for (const { name } of excess) {
    await unlink(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

/** `2026-11-21T02-22-19.589`. */
function timestamp(ms: number, localTime: boolean): string {
  const utc = localTime ? ms - new Date(ms).getTimezoneOffset() * 60_000 : ms;
  return new Date(utc).toISOString().slice(0, -1).replaceAll(':', '-');
}

function timeOf(name: string, path: string, localTime: boolean): number | undefined {
  const extension = extname(path);
  const prefix = `${basename(path, extension)}-`;
  if (!name.startsWith(prefix) || !name.endsWith(extension)) return undefined;
  const middle = name.slice(prefix.length, name.length - extension.length);
  const [, date, hour, minute, rest] = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})-[a-z]+$/.exec(middle) ?? [];
  if (date === undefined) return undefined;
  const at = Date.parse(`${date}T${hour}:${minute}:${rest}${localTime ? '' : 'Z'}`);
  return Number.isNaN(at) ? undefined : at;
}
