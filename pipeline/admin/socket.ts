import { chmodSync, existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { asError } from '../../sdk/errors.ts';
import { type AdminSources, answer } from './routes.ts';

/** The admin surface: HTTP and JSON on a unix socket that only the agent's user may open. */
export interface AdminSocket {
  readonly path: string;
  /** Closes it and removes the file. */
  close(): Promise<void>;
}

/**
 * Listens at a path, whose folder is made where it is missing. A socket that is left over from a dead process is replaced;
 * one at which somebody answers is not. Throws an Error with the reason.
 */
export async function openAdminSocket(path: string, sources: AdminSources): Promise<AdminSocket> {
  makeFolder(dirname(path));
  const server = createServer((request, response) => answer(request, response, sources));
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  server.maxConnections = 16;
  try {
    await listen(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await removeStale(path);
    await listen(server, path);
  }
  server.on('error', () => {});
  server.unref();
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Not `mkdirSync` with `recursive`, which never returns where a file system answers ENOENT for good, as /proc does (Node 24). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeFolder(parent);
  mkdirSync(folder, { mode: 0o755 });
}

/** Never visible with another mode: the umask holds while the socket is made, which happens within `listen`. */
async function listen(server: Server, path: string): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  const mask = process.umask(0o177);
  try {
    server.listen(path, () => listening.resolve());
  } finally {
    process.umask(mask);
  }
  await listening.promise;
  server.removeListener('error', listening.reject);
  chmodSync(path, 0o600);
}

async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path).isSocket()) throw new Error(`${path} exists and is no socket`);
  if (await someoneAnswers(path)) throw new Error(`another process answers at ${path}`);
  unlinkSync(path);
}

function someoneAnswers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(1_000, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(asError(error));
    });
  });
}
