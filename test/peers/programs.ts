import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Folder of the checkout. */
export const root = dirname(dirname(import.meta.dirname));

export type Program = 'sink' | 'loadgen' | 'otelcol' | 'hubble-server';

/** Where `scripts/build-peers.sh` leaves a program. */
export function pathOf(program: Program): string {
  return join(root, 'build', 'peers', program);
}

/**
 * Builds what is missing; false, or why a test that needs these programs must be skipped. Throws when a program of this
 * repository does not compile.
 */
export function missing(...programs: readonly Program[]): string | false {
  const built = spawnSync('bash', [join(root, 'scripts', 'build-peers.sh'), ...programs], { encoding: 'utf8' });
  if (built.status === 0 && programs.every((program) => existsSync(pathOf(program)))) return false;
  if (built.status === 77) return built.stderr.trim();
  throw new Error(built.stderr);
}

/** `full`: what `npm run test:peers` runs; `short`: its form for every merge. */
export const isFull = process.env['BPFLOW_SUITE'] === 'full';
