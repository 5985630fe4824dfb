import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, linkSync } from 'node:fs';
import { join } from 'node:path';

/** Path of a program under a name of its own in this folder, which it is counted by. */
export function linked(folder: string, name: string, original: string): string {
  const path = join(folder, name);
  try {
    linkSync(original, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') copyFileSync(original, path);
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
