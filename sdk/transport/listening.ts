/**
 * The small part of the door `bpflow/transport`: settings of HTTP servers, and listening. For components that nearly every
 * agent runs; the whole door costs 3 MiB and 50 ms more (Node 24, sources).
 */
export * from './http-settings.ts';
export * from './listen.ts';
export { type TlsServerSettings, tlsServerSettings } from './tls-settings.ts';
