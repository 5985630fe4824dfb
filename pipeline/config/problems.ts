import type { Origin } from './node.ts';

/** One thing that is wrong, or only worth knowing. */
export interface Problem {
  readonly origin: Origin | undefined;
  /** `processors::batch::timeout`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong with a configuration, in the order it was written. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = problems.toSorted(byPosition);
    super(sorted.map(formatProblem).join('\n'));
    this.problems = sorted;
  }
}

/** `file:line:column: path: message`. */
export function formatProblem({ origin, path, message }: Problem): string {
  const where =
    origin === undefined
      ? ''
      : origin.line === 0
        ? `${origin.source}: `
        : `${origin.source}:${origin.line}:${origin.column}: `;
  return `${where}${path === '' ? '' : `${path}: `}${message}`;
}

function byPosition(a: Problem, b: Problem): number {
  if (a.origin === undefined || b.origin === undefined)
    return Number(a.origin === undefined) - Number(b.origin === undefined);
  if (a.origin.source !== b.origin.source) return a.origin.source < b.origin.source ? -1 : 1;
  return a.origin.line - b.origin.line || a.origin.column - b.origin.column;
}

/** `; did you mean "x"?` when one of the candidates is near. */
export function didYouMean(written: string, candidates: Iterable<string>): string {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(written.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best === undefined ? '' : `; did you mean "${best}"?`;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
