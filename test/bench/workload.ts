import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of `workload/<name>.c` compiled, now if it is not yet. */
export function benchProgram(name: string): string {
  const source = fileURLToPath(new URL(`workload/${name}.c`, import.meta.url));
  const program = fileURLToPath(new URL(`../../build/bench/${name}`, import.meta.url));
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(fileURLToPath(new URL('../../build/bench', import.meta.url)), { recursive: true });
    execFileSync('gcc', ['-O2', '-pthread', '-o', program, source]);
  }
  return program;
}

/** The command of a fixed piece of work: `getppid` calls, `ctx` switches and others; see workload/wl.c. */
export function workloadCommand(mode: string, count: number, threads: number): readonly string[] {
  return [benchProgram('wl'), mode, String(count), String(threads)];
}

/** Does the work and waits for its end. */
export function workload(mode: string, count: number, threads: number): void {
  const [command, ...args] = workloadCommand(mode, count, threads);
  execFileSync(command!, args, { stdio: 'ignore' });
}
