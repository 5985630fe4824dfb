import { createHash, timingSafeEqual } from 'node:crypto';
import { compare } from 'bcryptjs';
import { apr1 } from './apr1.ts';

/** Whether a password is the one an entry was made from. */
type Check = (password: string) => boolean | Promise<boolean>;

/** Users and their passwords' hashes. */
export type Users = ReadonlyMap<string, Check>;

/**
 * Reads the lines of an htpasswd file, `user:hash`. The first entry of a user counts. Throws SyntaxError with the line's
 * number, and without what stands in it, for a line that is none and for a kind of hash that is not supported.
 */
export function parseHtpasswd(text: string): Users {
  const users = new Map<string, Check>();
  for (const [i, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const colon = entry.indexOf(':');
    if (colon < 1) throw new SyntaxError(`line ${i + 1} is not user:hash`);
    const user = entry.slice(0, colon);
    if (!users.has(user)) users.set(user, checkOf(entry.slice(colon + 1), i + 1));
  }
  return users;
}

function checkOf(hash: string, line: number): Check {
  if (/^\$2[abxy]\$/.test(hash)) return (password) => compare(password, hash.replace(/^\$2[xy]/, '$2b'));
  const [, salt] = /^\$apr1\$([^$]{1,8})\$/.exec(hash) ?? [];
  if (salt !== undefined) return (password) => same(apr1(password, salt), hash);
  if (hash.startsWith('{SHA}')) {
    return (password) => same(`{SHA}${createHash('sha1').update(password).digest('base64')}`, hash);
  }
  if (/^\$[0-9a-z]+\$|^\{[A-Z0-9]+\}/.test(hash)) {
    throw new SyntaxError(`line ${line} has a kind of hash that is not supported: make it with htpasswd -B (bcrypt)`);
  }
  return (password) => same(password, hash);
}

/** Takes as long for any two texts of these lengths. */
export function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
