import { z } from 'zod';
import { duration, secret } from '../config-types.ts';

const VERSIONS = ['1.0', '1.1', '1.2', '1.3'] as const;
const CURVES = ['X25519', 'P256', 'P384', 'P521', 'X25519MLKEM768'] as const;

/** `tls:` of something that listens, with the Collector's keys. Absent: no TLS. */
export function tlsServerSettings() {
  return z
    .strictObject({
      ...certificateFields(),
      client_ca_file: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file of the authorities whose clients are let in. Set: every client must show a certificate.'),
      client_ca_file_reload: z
        .boolean()
        .default(false)
        .describe('Accepted as in the Collector. Changed files are picked up in any case.'),
    })
    .superRefine((settings, context) => {
      checkCertificate(settings, context);
      if (hasCertificate(settings)) return;
      context.addIssue({
        code: 'custom',
        path: ['cert_file'],
        message: 'a server needs a certificate: set cert_file (or cert_pem) and key_file (or key_pem)',
      });
    })
    .optional();
}

/** `tls:` of something that connects, with the Collector's keys. Absent: TLS with the machine's authorities, where the protocol has TLS at all. */
export function tlsClientSettings() {
  return z
    .strictObject({
      insecure: z
        .boolean()
        .default(false)
        .describe('Connect without TLS. Has no effect together with ca_file or ca_pem.'),
      insecure_skip_verify: z
        .boolean()
        .default(false)
        .describe('Accept any certificate of the server. Anyone on the way can then read and change what is sent.'),
      server_name_override: z
        .string()
        .min(1)
        .optional()
        .describe("Name that the server's certificate must have, in place of the endpoint's host."),
      ...certificateFields(),
    })
    .superRefine(checkCertificate)
    .optional();
}

export type TlsServerSettings = NonNullable<z.output<ReturnType<typeof tlsServerSettings>>>;
export type TlsClientSettings = NonNullable<z.output<ReturnType<typeof tlsClientSettings>>>;
/** What servers and clients share. */
export type TlsSettings = z.output<z.ZodObject<ReturnType<typeof certificateFields>>>;

function certificateFields() {
  return {
    ca_file: z
      .string()
      .min(1)
      .optional()
      .describe('PEM file of the authorities that are trusted, in place of those of the machine.'),
    ca_pem: z.string().min(1).optional().describe('The same as a text.'),
    include_system_ca_certs_pool: z
      .boolean()
      .default(false)
      .describe("Trust the machine's authorities besides those of ca_file or ca_pem."),
    cert_file: z.string().min(1).optional().describe('PEM file of the own certificate, followed by its chain.'),
    cert_pem: z.string().min(1).optional().describe('The same as a text.'),
    key_file: z.string().min(1).optional().describe('PEM file of the private key of the certificate.'),
    key_pem: secret().min(1).optional().describe('The same as a text.'),
    min_version: version().default('1.2').describe('Oldest protocol version that is spoken.'),
    max_version: version().optional().describe('Newest protocol version that is spoken. Default: the newest there is.'),
    cipher_suites: z
      .array(z.enum(Object.keys(CIPHERS) as (keyof typeof CIPHERS)[], { error: unknownCipher }))
      .default([])
      .describe('Cipher suites up to TLS 1.2, by their IANA names. TLS 1.3 has its own, which cannot be chosen.'),
    curve_preferences: z
      .array(z.enum(CURVES))
      .default([])
      .describe('Curves for the key exchange, the best first: X25519, P256, P384, P521, X25519MLKEM768.'),
    reload_interval: duration()
      .optional()
      .describe('How often the files are looked at for changes. Default: every 5 s.'),
  };
}

function version() {
  return z.enum(VERSIONS, {
    error: ({ input }) =>
      `expected one of "1.0", "1.1", "1.2", "1.3"${typeof input === 'number' ? ' in quotes' : ''}, got ${JSON.stringify(input)}`,
  });
}

type CertificateFields = Pick<
  TlsSettings,
  'ca_file' | 'ca_pem' | 'cert_file' | 'cert_pem' | 'key_file' | 'key_pem' | 'min_version' | 'max_version'
>;

function checkCertificate(settings: CertificateFields, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
  for (const what of ['ca', 'cert', 'key'] as const) {
    if (settings[`${what}_file`] !== undefined && settings[`${what}_pem`] !== undefined) {
      refuse(`${what}_pem`, `set either ${what}_file or ${what}_pem, not both`);
    }
  }
  if (hasCertificate(settings) && settings.key_file === undefined && settings.key_pem === undefined) {
    refuse('key_file', 'the certificate has no key: provide both certificate and key, or neither');
  }
  if (!hasCertificate(settings) && (settings.key_file !== undefined || settings.key_pem !== undefined)) {
    refuse('cert_file', 'the key has no certificate: provide both certificate and key, or neither');
  }
  if (settings.max_version !== undefined && settings.max_version < settings.min_version) {
    refuse('max_version', `max_version ${settings.max_version} is below min_version ${settings.min_version}`);
  }
}

function hasCertificate(settings: Pick<TlsSettings, 'cert_file' | 'cert_pem'>): boolean {
  return settings.cert_file !== undefined || settings.cert_pem !== undefined;
}

function unknownCipher({ input }: { readonly input?: unknown }): string {
  return `unknown cipher suite ${JSON.stringify(input)}; write an IANA name such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`;
}

/** IANA names, which configurations have, to OpenSSL's. `undefined`: TLS 1.3, always on. The set is that of Go's crypto/tls. */
export const CIPHERS = {
  TLS_AES_128_GCM_SHA256: undefined,
  TLS_AES_256_GCM_SHA384: undefined,
  TLS_CHACHA20_POLY1305_SHA256: undefined,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
} as const;

/** Configurations' names of the curves to OpenSSL's. */
export const CURVE_NAMES: Readonly<Record<(typeof CURVES)[number], string>> = {
  X25519: 'X25519',
  P256: 'prime256v1',
  P384: 'secp384r1',
  P521: 'secp521r1',
  X25519MLKEM768: 'X25519MLKEM768',
};
