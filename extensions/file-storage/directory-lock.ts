import { randomBytes } from 'node:crypto';
import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type Clock, StartError } from 'bpflow/sdk';

/** A folder that this process has for itself until `release`. */
export interface DirectoryLock {
  release(): Promise<void>;
}

const LOCK = '.bpflow-lock';
const RETRY_MS = 50;
/** Longest answer of a holder, in bytes, and longest wait for it. */
const MAX_ANSWER_BYTES = 200;
const ANSWER_MS = 1000;

/** A file system that is full, or knows no sockets or links. */
const CANNOT_HOLD_A_SOCKET = ['ENOSPC', 'EDQUOT', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EMLINK'];

/**
 * Takes a folder for one process, or for one extension of it. The lock is a unix socket in the folder that its holder
 * listens on: it ends with the process however that ends, holds across containers that share the folder, and who asks
 * is told the process id. Another extension of this process is not waited for. Where the folder cannot hold one it is a socket with a name alone, which holds on this host
 * (in one network namespace). Throws StartError that names the holder when the folder is not free within `waitMs`.
 */
export async function lockDirectory(directory: string, waitMs: number, clock: Clock): Promise<DirectoryLock> {
  const end = clock.monotonic() + waitMs;
  try {
    return await lockInFolder(directory, end, clock);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (process.platform !== 'linux' || !CANNOT_HOLD_A_SOCKET.includes(code ?? '')) throw error;
    return lockByName(directory, end, clock);
  }
}

async function lockInFolder(directory: string, end: number, clock: Clock): Promise<DirectoryLock> {
  const folder = await open(directory, 'r');
  try {
    // A socket's path has 107 bytes at most; through the open folder it is always short.
    const base = process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : directory;
    const path = join(base, LOCK);
    const own = join(base, `${LOCK}-${randomBytes(6).toString('hex')}`);
    const server = await listen(own);
    try {
      while (!(await linked(own, path))) {
        const holder = await holderOf(path);
        if (holder === undefined) await removeStale(path, `${own}-stale`);
        else if (clock.monotonic() >= end || holder === self()) throw inUse(directory, holder);
        else await passed(clock, RETRY_MS);
      }
    } catch (error) {
      server.close();
      throw error;
    } finally {
      await unlink(own).catch(() => {});
    }
    const file = join(directory, LOCK);
    const { ino } = await stat(file);
    return { release: () => release(server, file, ino) };
  } finally {
    await folder.close();
  }
}

async function lockByName(directory: string, end: number, clock: Clock): Promise<DirectoryLock> {
  const { dev, ino } = await stat(directory);
  const name = `\0bpflow-file-storage-${dev}-${ino}`;
  for (;;) {
    const server = await listen(name).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error;
      return undefined;
    });
    const holder = server === undefined ? ((await holderOf(name)) ?? '?') : await holderOf(join(directory, LOCK));
    if (server !== undefined && holder === undefined) return { release: () => closed(server) };
    await (server && closed(server));
    if (clock.monotonic() >= end || holder === self()) throw inUse(directory, holder ?? '?');
    await passed(clock, RETRY_MS);
  }
}

function inUse(directory: string, holder: string): StartError {
  const other = holder === self() ? 'another file_storage of this agent' : `process ${holder.split('@')[0]}`;
  return new StartError(`${directory} is in use by ${other}; stop it, or set another "directory"`);
}

/** Process id and time of start: in two containers that share a folder, two processes may have the same id. */
function self(): string {
  return `${process.pid}@${performance.timeOrigin}`;
}

/** A server that tells everybody who connects which process it is. */
function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(self(), () => socket.destroy());
    });
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      server.on('error', () => {});
      server.unref();
      resolve(server);
    });
  });
}

/** Makes the socket known under the lock's name; false when there is one. */
async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The holder as it names itself, `?` when it does not answer; undefined when there is none. */
function holderOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path);
    const over = (holder: string | undefined): void => {
      socket.destroy();
      resolve(holder);
    };
    socket.setEncoding('latin1').setTimeout(ANSWER_MS, () => over(answer || '?'));
    socket.on('data', (text) => {
      answer += text;
      if (answer.length > MAX_ANSWER_BYTES) over('?');
    });
    socket.once('end', () => over(/^\d+@[\d.]+$/.test(answer) ? answer : '?'));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      over(error.code === 'ECONNREFUSED' || error.code === 'ENOENT' ? undefined : '?'),
    );
  });
}

/** Removes a socket that nobody listens on. One that somebody took over in the meantime is put back. */
async function removeStale(path: string, aside: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await holderOf(aside)) !== undefined) await link(aside, path).catch(() => {});
  await unlink(aside).catch(() => {});
}

/** Gives the folder free, unless the lock's name is somebody else's by now. */
async function release(server: Server, path: string, ino: number): Promise<void> {
  const isOurs = await stat(path).then(
    (found) => found.ino === ino,
    () => false,
  );
  if (isOurs) await unlink(path).catch(() => {});
  await closed(server);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

function passed(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
