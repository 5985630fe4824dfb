import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Why others than root and the agent's own user could change what is under this absolute path; undefined when nobody can. Looks at
 * the file or folder, which must be no link, and at every folder above.
 */
export function distrust(path: string, kind: 'file' | 'folder'): string | undefined {
  let found: ReturnType<typeof lstatSync>;
  try {
    found = lstatSync(path);
  } catch {
    return `${path} is missing`;
  }
  if (kind === 'file' ? !found.isFile() : !found.isDirectory()) return `${path} is no ${kind}`;
  if (!isOurs(found.uid)) return `${path} belongs to user ${found.uid}, and not to root or the user of the agent`;
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) return `${path} can be written by others: chmod go-w ${path}`;
  return distrustAbove(dirname(path));
}

/** In a folder like /tmp everybody may write, but only replace what is their own. */
function distrustAbove(folder: string): string | undefined {
  const found = lstatSync(folder);
  const { uid, mode } = found;
  if (found.isSymbolicLink()) return `${folder} is a link: name what it leads to`;
  if (!isOurs(uid)) return `${folder} belongs to user ${uid}, and not to root or the user of the agent`;
  if ((mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0) return `${folder} can be written by others`;
  return folder === dirname(folder) ? undefined : distrustAbove(dirname(folder));
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}
