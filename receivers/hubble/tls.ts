import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Scope } from 'bpflow/sdk';
import { type ClientTls, openClientTls, type TlsClientSettings, tlsClientSettings } from 'bpflow/transport';
import { type Config, TLS_FOLDER } from './config.ts';

/** TLS as the configuration wants it; undefined without. Throws StartError that names the file and what is wrong. */
export function openTls(config: Config, isUnix: boolean, scope: Pick<Scope, 'log' | 'clock'>): ClientTls | undefined {
  const settings = settingsOf(config, isUnix);
  return settings === undefined ? undefined : openClientTls(settings, scope);
}

/** The name that the server's certificate must have; undefined for the host of the address. */
export function serverNameOf({ tls }: Config): string | undefined {
  return tls?.insecure === true && tls.ca_file === undefined && tls.ca_pem === undefined
    ? undefined
    : (tls?.server_name ?? tls?.server_name_override);
}

function settingsOf(config: Config, isUnix: boolean): TlsClientSettings | undefined {
  if (isUnix) return undefined;
  const { tls } = config;
  if (tls !== undefined) {
    const { server_name: name, ...rest } = tls;
    return { ...rest, min_version: '1.3', ...(name === undefined ? {} : { server_name_override: name }) };
  }
  if (config.hubble_tls_enabled === false) return undefined;
  const cert = config.hubble_tls_cert ?? mounted('tls.crt');
  const key = config.hubble_tls_key ?? mounted('tls.key');
  const ca = config.hubble_tls_ca ?? mounted('ca.crt');
  return tlsClientSettings().parse({
    min_version: '1.3',
    ...(cert !== undefined && key !== undefined ? { cert_file: cert, key_file: key } : {}),
    ...(ca === undefined ? {} : { ca_file: ca }),
  });
}

/** The file where the chart mounts it, if it is there. */
function mounted(name: string): string | undefined {
  const path = join(TLS_FOLDER, name);
  return existsSync(path) ? path : undefined;
}
