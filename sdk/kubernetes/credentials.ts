import { readFileSync, statSync } from 'node:fs';
import { asError, StartError } from '../errors.ts';
import { type TlsClientSettings, tlsClientSettings } from '../transport/tls-settings.ts';

/** The header with what the file holds now. */
export function tokenFile(path: string): () => Readonly<Record<string, string>> {
  return () => {
    let token: string;
    try {
      if (statSync(path).size > MAX_TOKEN) throw new Error('it is larger than 1 MiB');
      token = readFileSync(path, 'utf8').trim();
    } catch (error) {
      throw new Error(`The token in ${path} cannot be read: ${asError(error).message}`, { cause: error });
    }
    if (token === '') throw new Error(`The token in ${path} is empty.`);
    if (/[^\x21-\x7e]/.test(token)) throw new Error(`What ${path} holds is no token.`);
    return { authorization: `Bearer ${token}` };
  };
}

const MAX_TOKEN = 1024 * 1024;

/** Throws StartError. */
export function tlsOf(settings: Readonly<Record<string, unknown>>): TlsClientSettings {
  const parsed = tlsClientSettings().safeParse(settings);
  if (parsed.success && parsed.data !== undefined) return parsed.data;
  throw new StartError(`The settings of TLS cannot be used: ${parsed.error?.issues[0]?.message ?? 'none are given'}.`);
}
