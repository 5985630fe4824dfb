// Ends with 0 when node_modules has what package-lock.json says, and the `node` package runs; else with 1.
// Runs on the machine's own Node, before anything is installed.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const locked = packagesOf('package-lock.json');
const installed = packagesOf('node_modules/.package-lock.json');
if (installed === undefined || !Object.entries(locked).every(isInstalled) || !nodeRuns()) process.exitCode = 1;

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isInstalled([path, { version, integrity, optional }]) {
  if (path === '') return true;
  const found = installed[path];
  if (found === undefined) return optional === true;
  return found.version === version && found.integrity === integrity;
}

function nodeRuns() {
  try {
    return execFileSync('node_modules/node/bin/node', ['--version'], { encoding: 'utf8' }).startsWith('v');
  } catch {
    return false;
  }
}
