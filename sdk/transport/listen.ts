import { lookup } from 'node:dns/promises';
import { lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, isIP, type Server } from 'node:net';
import { type Endpoint, endpoint, formatEndpoint } from '../config-types.ts';
import { asError, StartError } from '../errors.ts';

/** Where a server listens: an address of the network, or the path of a unix socket. */
export type ListenAddress = Endpoint | { readonly path: string };

/** `transport:` of the Collector's servers. */
export type Transport = 'tcp' | 'tcp4' | 'tcp6' | 'unix';

/** What an `endpoint` means under a `transport`; an Error with what is wrong otherwise. */
export function parseListenAddress(text: string, transport: Transport): ListenAddress | Error {
  if (transport === 'unix') {
    const path = text.replace(/^unix:(\/\/)?/, '');
    if (path === '') return new Error('with transport: unix the endpoint is the path of the socket');
    return { path };
  }
  const parsed = endpoint().safeParse(text);
  return parsed.success ? parsed.data : new Error(parsed.error.issues[0]!.message);
}

/**
 * Lets a server listen. A name that has several addresses is bound at one of them, IPv4 first, as Go does; an empty host is
 * every address of the machine. A unix socket that is left over from a dead process is replaced.
 *
 * Resolves to the address for people (`127.0.0.1:4317`); rejects with StartError that says what to do.
 */
export async function listen(server: Server, address: ListenAddress, transport: Transport = 'tcp'): Promise<string> {
  const shown = 'path' in address ? address.path : formatEndpoint(address);
  try {
    if ('path' in address) await listenAtPath(server, address.path);
    else await listenAtHost(server, address, transport);
  } catch (error) {
    throw listenError(shown, asError(error) as NodeJS.ErrnoException);
  }
  const bound = server.address() as AddressInfo | string;
  return typeof bound === 'string' ? bound : formatEndpoint({ host: bound.address, port: bound.port });
}

async function listenAtHost(server: Server, { host, port }: Endpoint, transport: Transport): Promise<void> {
  const family = transport === 'tcp4' ? 4 : transport === 'tcp6' ? 6 : 0;
  if (host === '') {
    const any = family === 4 ? { host: '0.0.0.0' } : family === 6 ? { host: '::', ipv6Only: true } : {};
    return bind(server, { ...any, port });
  }
  if (isIP(host) !== 0) return bind(server, { host, port });
  const { address } = await lookup(host, family === 0 ? { order: 'ipv4first' } : { family });
  return bind(server, { host: address, port });
}

async function listenAtPath(server: Server, path: string): Promise<void> {
  try {
    await bind(server, { path });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !lstatSync(path).isSocket()) throw error;
    if (await someoneAnswers(path)) throw error;
    unlinkSync(path);
    await bind(server, { path });
  }
}

function bind(
  server: Server,
  where: { host?: string; port?: number; path?: string; ipv6Only?: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function someoneAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED'));
  });
}

function listenError(shown: string, error: NodeJS.ErrnoException): StartError {
  const reason = REASONS[error.code ?? ''] ?? `${error.message}; set another "endpoint"`;
  return new StartError(`cannot listen on ${shown}: ${reason}`, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    'the address is in use, by another process or by another component of this configuration; free it or set another "endpoint"',
  EACCES: 'this process may not use it; take a port from 1024 up, a folder it may write to, or give it the right',
  EADDRNOTAVAIL: 'this machine has no such address; set an "endpoint" of this machine',
  ENOTFOUND: 'the name is not known; set an "endpoint" with an address of this machine',
};
