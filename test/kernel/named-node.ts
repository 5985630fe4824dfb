import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, linkSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Path of a program under a name of its own in this folder, which it is counted by. Where the folder is on another file system, one copy
 * serves all names.
 */
export function linked(folder: string, name: string, original: string): string {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  try {
    linkSync(original, path);
  } catch {
    const copy = join(folder, `.${basename(original)}`);
    if (!existsSync(copy)) copyFileSync(original, copy);
    linkSync(copy, path);
  }
  return path;
}

/** Runs a script by Node under such a name, in a network namespace where one is given. */
export function spawnNode(
  program: string,
  namespace: string | undefined,
  script: string,
  ...args: string[]
): ChildProcess {
  const command = [program, '--disable-warning=ExperimentalWarning', script, ...args];
  const [file, ...rest] = namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];
  return spawn(file!, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
}
