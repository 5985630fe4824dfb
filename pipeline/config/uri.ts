import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The schemes that `--config` and `${…}` know. */
export const SCHEMES = ['env', 'file', 'yaml'] as const;
export type Scheme = (typeof SCHEMES)[number];

/** `scheme:rest`; undefined for a text that is none. A letter alone is no scheme, so that `C:\x` is a path. */
export function splitUri(uri: string): { readonly scheme: string; readonly rest: string } | undefined {
  const [, scheme, rest] = /^([A-Za-z][A-Za-z0-9+.-]+):(.*)$/s.exec(uri) ?? [];
  return scheme === undefined || rest === undefined ? undefined : { scheme, rest };
}

export function isScheme(scheme: string): scheme is Scheme {
  return SCHEMES.some((known) => known === scheme);
}

export interface EnvReference {
  readonly name: string;
  /** What follows `:-`. */
  readonly fallback: string | undefined;
}

/** Reads `NAME` or `NAME:-fallback`; the name may still be invalid. */
export function envReference(rest: string): EnvReference {
  const at = rest.indexOf(':-');
  return at < 0 ? { name: rest, fallback: undefined } : { name: rest.slice(0, at), fallback: rest.slice(at + 2) };
}

/** Why a text cannot name an environment variable; undefined when it can. */
export function envNameProblem(name: string): string | undefined {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return undefined;
  return `environment variable ${JSON.stringify(name)} has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$`;
}

/** The whole of a text file, or why it cannot be had, as the end of a sentence. */
export function readText(
  path: string,
  cwd: string,
): { readonly file: string; readonly text: string } | { readonly reason: string } {
  const file = resolve(cwd, path);
  try {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_BYTES) return { reason: 'it is larger than 16 MiB' };
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    return { reason: REASONS[code] ?? (error instanceof Error ? error.message : String(error)) };
  }
}

const MAX_BYTES = 16 * 1024 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is no directory',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not UTF-8 text',
};
