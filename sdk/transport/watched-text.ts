import { readFileSync } from 'node:fs';
import { asError, StartError } from '../errors.ts';
import type { Clock, Logger } from '../scope.ts';
import { filesState } from './tls-files.ts';

const CHECK_EVERY_MS = 5000;
/** Credentials are short; a wrong path to a huge file must not fill the memory. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads a text file and reads it again when it has changed, looking every 5 s. `apply` gets the text, first at once. Throws
 * StartError when the file cannot be read or `apply` throws at first; later the old text stays and the reason is logged, once.
 * Neither names what is in the file. Returns what ends it.
 */
export function watchText(
  key: string,
  path: string,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
  apply: (text: string) => void,
): () => void {
  let state = filesState([path]);
  load(key, path, apply);
  let complaint: string | undefined;
  const timer = clock.every(CHECK_EVERY_MS, () => {
    const now = filesState([path]);
    if (now === state && complaint === undefined) return;
    try {
      load(key, path, apply);
      state = now;
      complaint = undefined;
      log.info('A file of credentials has changed; the new ones count.', { file: path });
    } catch (error) {
      const { message } = asError(error);
      if (message !== complaint) {
        log.error('A file of credentials has changed and cannot be used; the old ones stay.', { error: message });
      }
      complaint = message;
    }
  });
  return () => timer.cancel();
}

function load(key: string, path: string, apply: (text: string) => void): void {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new StartError(`cannot read ${key}: ${asError(cause).message}`, { cause });
  }
  if (text.length > MAX_BYTES) throw new StartError(`${key} ${path} is larger than 1 MiB; is it the right file?`);
  apply(text);
}
