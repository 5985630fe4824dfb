import { createHash } from 'node:crypto';

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Bytes of the digest in the order in which they are printed, three at a time. */
const ORDER = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;

/** Apache's variant of the MD5 crypt: `$apr1$salt$hash`, which `htpasswd` makes by default. */
export function apr1(password: string, salt: string): string {
  const key = Buffer.from(password);
  const md5 = (...parts: readonly (string | Uint8Array)[]): Buffer => {
    const hash = createHash('md5');
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const inner = md5(key, salt, key);
  const first: (string | Uint8Array)[] = [key, '$apr1$', salt];
  for (let left = key.length; left > 0; left -= 16) first.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = key.length; bits > 0; bits >>= 1) first.push(bits & 1 ? Uint8Array.of(0) : key.subarray(0, 1));
  let digest = md5(...first);
  for (let round = 0; round < 1000; round++) {
    const odd = round % 2 === 1;
    digest = md5(odd ? key : digest, round % 3 === 0 ? '' : salt, round % 7 === 0 ? '' : key, odd ? digest : key);
  }
  const groups = ORDER.map(([a, b, c]) => printed((digest[a]! << 16) | (digest[b]! << 8) | digest[c]!, 4));
  return `$apr1$${salt}$${groups.join('')}${printed(digest[11]!, 2)}`;
}

function printed(value: number, length: number): string {
  let text = '';
  for (let i = 0, rest = value; i < length; i++, rest >>= 6) text += ALPHABET[rest & 0x3f];
  return text;
}
