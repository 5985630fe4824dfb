import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { SecureContextOptions } from 'node:tls';
import { StartError } from '../errors.ts';
import { CIPHERS, CURVE_NAMES, type TlsSettings } from './tls-settings.ts';

/** No certificate file of any use is larger; a wrong path to a huge file must not fill the memory. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** What the files and texts of a `tls:` hold now, checked. */
export interface TlsMaterial {
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Of `ca_file` or `ca_pem`. */
  readonly ca: string | undefined;
  /** Of `client_ca_file`. */
  readonly clientCa: string | undefined;
  readonly certificate: X509Certificate | undefined;
}

type Files = Pick<TlsSettings, 'ca_file' | 'ca_pem' | 'cert_file' | 'cert_pem' | 'key_file' | 'key_pem'> & {
  readonly client_ca_file?: string | undefined;
};

/**
 * Reads everything a `tls:` names. Throws StartError that says which file and what is wrong with it: missing, no PEM, a key
 * of another certificate, expired at `now` (ns since 1970). Never shows what is in a file.
 */
export function readTlsMaterial(settings: Files, now: bigint): TlsMaterial {
  const cert = read(settings, 'cert');
  const key = read(settings, 'key');
  const ca = read(settings, 'ca');
  const clientCa =
    settings.client_ca_file === undefined ? undefined : readPem('client_ca_file', settings.client_ca_file);
  const certificate = cert === undefined ? undefined : parseCertificate(cert, named(settings, 'cert'));
  if (certificate !== undefined && key !== undefined) checkKey(certificate, key, settings);
  if (certificate !== undefined) checkDates(certificate, named(settings, 'cert'), now);
  if (ca !== undefined) parseAll(ca, named(settings, 'ca'));
  if (clientCa !== undefined) parseAll(clientCa, `client_ca_file ${settings.client_ca_file}`);
  return { cert, key, ca, clientCa, certificate };
}

/** Paths of the files that a `tls:` names. */
export function tlsFiles(settings: Files): readonly string[] {
  const { cert_file, key_file, ca_file, client_ca_file } = settings;
  return [cert_file, key_file, ca_file, client_ca_file].filter((path) => path !== undefined);
}

/** A text that changes whenever one of the files may have changed. A link that points elsewhere (as Kubernetes rotates secrets) is a change. */
export function filesState(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? 'none' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
    })
    .join(' ');
}

/** The options of OpenSSL for versions, ciphers and curves. */
export function protocolOptions(settings: TlsSettings): SecureContextOptions {
  const { min_version, max_version, cipher_suites, curve_preferences } = settings;
  const ciphers = cipher_suites.map((name) => CIPHERS[name]).filter((name) => name !== undefined);
  return {
    minVersion: `TLSv${min_version === '1.0' ? '1' : min_version}` as NonNullable<SecureContextOptions['minVersion']>,
    ...(max_version === undefined
      ? {}
      : {
          maxVersion: `TLSv${max_version === '1.0' ? '1' : max_version}` as NonNullable<
            SecureContextOptions['maxVersion']
          >,
        }),
    ...(ciphers.length === 0
      ? {}
      : {
          ciphers: [
            'TLS_AES_128_GCM_SHA256',
            'TLS_AES_256_GCM_SHA384',
            'TLS_CHACHA20_POLY1305_SHA256',
            ...ciphers,
          ].join(':'),
        }),
    ...(curve_preferences.length === 0
      ? {}
      : { ecdhCurve: curve_preferences.map((name) => CURVE_NAMES[name]).join(':') }),
  };
}

function named(settings: Files, what: 'cert' | 'key' | 'ca'): string {
  const file = settings[`${what}_file`];
  return file === undefined ? `${what}_pem` : `${what}_file ${file}`;
}

function read(settings: Files, what: 'cert' | 'key' | 'ca'): string | undefined {
  const file = settings[`${what}_file`];
  return file === undefined ? settings[`${what}_pem`] : readPem(`${what}_file`, file);
}

function readPem(key: string, path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new StartError(`tls: ${key} ${path} is not a file`);
    if (stat.size > MAX_FILE_BYTES)
      throw new StartError(`tls: ${key} ${path} is larger than 4 MiB; that is no PEM file`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES'
          ? 'may not be read by this process'
          : `cannot be read: ${message}`;
    throw new StartError(`tls: ${key} ${path} ${reason}`, { cause: error });
  }
}

function parseCertificate(pem: string, where: string): X509Certificate {
  return parseAll(pem, where)[0]!;
}

function parseAll(pem: string, where: string): readonly X509Certificate[] {
  const blocks = pem.match(
    /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g,
  );
  if (blocks === null) {
    const other = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1];
    throw new StartError(
      `tls: ${where} holds no certificate in PEM form${other === undefined ? '' : `, but ${/^[AEIOU]/.test(other) ? 'an' : 'a'} ${other}`}`,
    );
  }
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new StartError(`tls: certificate ${i + 1} in ${where} is damaged`, { cause: error });
    }
  });
}

function checkKey(certificate: X509Certificate, pem: string, settings: Files): void {
  const where = named(settings, 'key');
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    throw new StartError(`tls: the key in ${where} is encrypted; give it without a passphrase`);
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new StartError(`tls: ${where} holds no private key in PEM form`);
  }
  let matches: boolean;
  try {
    matches = certificate.checkPrivateKey(createPrivateKey(pem));
  } catch {
    // The cause is left out: it may quote the key.
    throw new StartError(`tls: the key in ${where} is damaged`);
  }
  if (!matches) {
    throw new StartError(`tls: the key in ${where} does not belong to the certificate in ${named(settings, 'cert')}`);
  }
}

function checkDates(certificate: X509Certificate, where: string, now: bigint): void {
  const end = certificate.validToDate;
  if (BigInt(end.getTime()) * 1_000_000n >= now) return;
  throw new StartError(`tls: the certificate in ${where} expired at ${end.toISOString()}; renew it`);
}
