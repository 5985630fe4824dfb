import { isIP } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TlsOptions,
} from 'node:tls';
import { describeTlsError } from './tls-errors.ts';
import { protocolOptions, type TlsMaterial } from './tls-files.ts';
import { type TlsClientSettings, type TlsServerSettings, tlsClientSettings } from './tls-settings.ts';
import { type TlsWatchOptions, watchTls } from './tls-watch.ts';

export { describeTlsError } from './tls-errors.ts';
export {
  type TlsClientSettings,
  type TlsServerSettings,
  tlsClientSettings,
  tlsServerSettings,
} from './tls-settings.ts';
export type { TlsWatchOptions } from './tls-watch.ts';

/** TLS of something that listens. */
export interface ServerTls {
  /** For `tls.createServer`, `https.createServer`, `http2.createSecureServer`: what the files hold now. */
  readonly options: TlsOptions;
  /** Lets a server use renewed files for new connections, until {@link close}. */
  attach(server: Pick<Server, 'setSecureContext'>): void;
  /** Calls back with the new options whenever the files have changed. {@link attach} is enough for Node's own servers. */
  onChange(callback: (options: TlsOptions) => void): void;
  /** When the certificate ends, ISO 8601, and the names it is for. */
  readonly certificate: { readonly expires: string; readonly names: string };
  /** Safe twice. */
  close(): void;
}

/**
 * Reads the files of a server's `tls:` and watches them. Throws StartError that names the file and what is wrong. Once running,
 * files that cannot be used leave the old ones in place and are logged.
 */
export function openServerTls(settings: TlsServerSettings, watch: TlsWatchOptions): ServerTls {
  const callbacks: ((options: TlsOptions) => void)[] = [];
  let options: TlsOptions = {};
  const watched = watchTls(settings, watch, (material) => {
    const next = serverOptions(settings, material);
    createSecureContext(next);
    options = next;
    for (const callback of callbacks) callback(next);
  });
  return {
    get options() {
      return options;
    },
    attach: (server) => void callbacks.push((next) => server.setSecureContext(next)),
    onChange: (callback) => void callbacks.push(callback),
    get certificate() {
      const certificate = watched.material.certificate!;
      return {
        expires: certificate.validToDate.toISOString(),
        names: certificate.subjectAltName ?? certificate.subject,
      };
    },
    close() {
      callbacks.length = 0;
      watched.close();
    },
  };
}

/** TLS of something that connects. */
export interface ClientTls {
  /** No TLS at all: `insecure: true` without an authority. */
  readonly insecure: boolean;
  /**
   * For `tls.connect`, `https.Agent`, `grpc.credentials.createFromSecureContext(options.secureContext, options)`: what the
   * files hold now. The context is made once for each change, so that asking for each connection is cheap.
   */
  connectOptions(): ConnectionOptions & { readonly secureContext: SecureContext };
  /** Grows by one with each change of the files: pooled connections made before used older ones. */
  readonly changed: number;
  /** Safe twice. */
  close(): void;
}

/**
 * Reads the files of a client's `tls:` and watches them; `undefined` is TLS with the machine's authorities. Throws StartError
 * that names the file and what is wrong. Once running, files that cannot be used leave the old ones in place and are logged.
 */
export function openClientTls(settings: TlsClientSettings | undefined, watch: TlsWatchOptions): ClientTls {
  const given: TlsClientSettings = settings ?? DEFAULTS;
  const insecure = given.insecure && given.ca_file === undefined && given.ca_pem === undefined;
  let material: TlsMaterial | undefined;
  let current: Context | undefined;
  let readings = 0;
  const make = (read: TlsMaterial | undefined): Context => {
    const options = clientOptions(given, read);
    return { ...options, secureContext: createSecureContext(options) };
  };
  const watched = insecure
    ? undefined
    : watchTls(given, watch, (read) => {
        // Without files it is made when somebody connects: loading the machine's authorities takes some 50 ms.
        current = read.ca === undefined && read.cert === undefined ? undefined : make(read);
        material = read;
        readings++;
      });
  return {
    insecure,
    connectOptions() {
      current ??= make(material);
      return { ...verification(given), ...current };
    },
    get changed() {
      return Math.max(readings - 1, 0);
    },
    close: () => watched?.close(),
  };
}

type Context = SecureContextOptions & { readonly secureContext: SecureContext };

function serverOptions(settings: TlsServerSettings, { cert, key, clientCa }: TlsMaterial): TlsOptions {
  return {
    ...protocolOptions(settings),
    cert: cert!,
    key: key!,
    honorCipherOrder: true,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

function clientOptions(settings: TlsClientSettings, material: TlsMaterial | undefined): SecureContextOptions {
  const own = material?.ca;
  const ca =
    own === undefined
      ? machineAuthorities()
      : settings.include_system_ca_certs_pool
        ? [own, ...machineAuthorities()]
        : own;
  return {
    ...protocolOptions(settings),
    ca,
    ...(material?.cert === undefined ? {} : { cert: material.cert, key: material.key! }),
  };
}

/** As Go's: those of the operating system. An image without any (`scratch`) gets Node's. */
function machineAuthorities(): string[] {
  const system = getCACertificates('system');
  return system.length > 0 ? system : getCACertificates('bundled');
}

function verification({ insecure_skip_verify, server_name_override: name }: TlsClientSettings): ConnectionOptions {
  return {
    rejectUnauthorized: !insecure_skip_verify,
    checkServerIdentity: (host, certificate) => identityError(checkServerIdentity(name ?? host, certificate)),
    // An address is no server name in the protocol.
    ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
  };
}

/** Told in our words at once: who hands on only the text loses the certificate's names. */
function identityError(error: Error | undefined): Error | undefined {
  return error && Object.assign(error, { message: describeTlsError(error) });
}

const DEFAULTS: TlsClientSettings = tlsClientSettings().parse({})!;
