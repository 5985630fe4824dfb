import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from './agent-process.ts';

/** What a command that asks a running agent ends with, run beside the event loop of the test: `ledger`, `map`. */
export async function askAgent(command: string, adminSocket: string, ...more: readonly string[]) {
  const child = spawn(process.execPath, [join(root, 'bin', 'bpflow'), command, '--admin', adminSocket, ...more]);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status] = (await once(child, 'close')) as [number];
  return { status, stdout, stderr };
}
