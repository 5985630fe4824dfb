import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Events as cheap as the kernel has them: signals of a process to itself that nobody takes; see test/kernel/workload/flood.c. */
export function floodCommand(signals: number, processes: number): readonly string[] {
  execFileSync('bash', [`${root}scripts/build-workload.sh`], { stdio: 'ignore' });
  return [`${root}build/workload/flood`, String(signals), String(processes)];
}

/** Does the work and waits for its end. */
export function flood(signals: number, processes: number): void {
  const [command, ...args] = floodCommand(signals, processes);
  execFileSync(command!, args, { stdio: 'ignore' });
}
