import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Capabilities that making files at this path takes beyond what the process' user may: none where the nearest folder that is there
 * is its own.
 */
export function capabilitiesToWrite(path: string): readonly string[] {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    try {
      return statSync(folder).uid === process.geteuid?.() ? [] : ['cap_dac_override'];
    } catch {
      if (folder === dirname(folder)) return [];
    }
  }
}
