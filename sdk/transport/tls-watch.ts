import { asError, StartError } from '../errors.ts';
import type { Clock, Logger } from '../scope.ts';
import { filesState, readTlsMaterial, type TlsMaterial, tlsFiles } from './tls-files.ts';
import type { TlsServerSettings, TlsSettings } from './tls-settings.ts';

/** Looking at four files costs some 20 µs. */
const CHECK_EVERY_MS = 5000;
/** `reload_interval: 1ns` must not become a busy loop. */
const MIN_CHECK_EVERY_MS = 100;

export interface TlsWatchOptions {
  readonly log: Logger;
  readonly clock: Clock;
}

/** The material of a `tls:`, read again whenever its files change. */
export interface TlsWatch {
  readonly material: TlsMaterial;
  close(): void;
}

/**
 * Reads the files of a `tls:` (throws StartError) and looks for changes from then on. `apply` is called with what was found,
 * first at once; when it or the reading throws later, what was there before stays and the reason is logged, once.
 */
export function watchTls(
  settings: TlsSettings & Partial<Pick<TlsServerSettings, 'client_ca_file'>>,
  { log, clock }: TlsWatchOptions,
  apply: (material: TlsMaterial) => void,
): TlsWatch {
  const files = tlsFiles(settings);
  let state = filesState(files);
  let material = load(settings, clock.now(), apply);
  let complaint: string | undefined;
  const check = (): void => {
    try {
      const now = filesState(files);
      if (now === state && complaint === undefined) return;
      material = load(settings, clock.now(), apply);
      // Taken before reading: a change in between is seen next time.
      state = now;
      complaint = undefined;
      log.info('TLS files have changed; new connections use the new ones.', {
        files,
        ...(material.certificate === undefined ? {} : { expires: material.certificate.validToDate.toISOString() }),
      });
    } catch (error) {
      const { message } = asError(error);
      if (message !== complaint)
        log.error('TLS files have changed and cannot be used; the old ones stay.', { error: message });
      complaint = message;
    }
  };
  const every = Math.max(settings.reload_interval ?? CHECK_EVERY_MS, MIN_CHECK_EVERY_MS);
  const timer = files.length === 0 ? undefined : clock.every(every, check);
  return {
    get material() {
      return material;
    },
    close: () => timer?.cancel(),
  };
}

function load(
  settings: TlsSettings & Partial<Pick<TlsServerSettings, 'client_ca_file'>>,
  now: bigint,
  apply: (material: TlsMaterial) => void,
): TlsMaterial {
  const material = readTlsMaterial(settings, now);
  try {
    apply(material);
  } catch (error) {
    // OpenSSL's texts name the problem (ca md too weak, no cipher match), never the key.
    throw new StartError(`tls: OpenSSL refuses the settings: ${asError(error).message}`, { cause: error });
  }
  return material;
}
