/** Whether specs made with SDK `theirs` work in an agent with SDK `ours`: the same major version; below 1.0 the same minor. */
export function compatible(theirs: string, ours: string): boolean {
  const [a, b] = [parse(theirs), parse(ours)];
  if (a === undefined || b === undefined) return false;
  return a[0] === b[0] && (a[0] > 0 || a[1] === b[1]);
}

/**
 * Whether a version lies in an npm range of the usual forms: `^1.2.3`, `~1.2`, `>=1 <3`, `1.x`, `1.2.3`, `*`, joined by
 * spaces and `||`. A form that is not known counts as satisfied: it is npm's to judge.
 */
export function satisfies(version: string, range: string): boolean {
  const actual = parse(version);
  if (actual === undefined) return true;
  return range.split('||').some((alternative) =>
    alternative
      .trim()
      .replace(/([<>=~^])\s+/g, '$1')
      .split(/\s+/)
      .every((comparator) => holds(actual, comparator)),
  );
}

type Triple = readonly [major: number, minor: number, patch: number];

function parse(version: string): Triple | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(version.trim());
  return match ? [Number(match[1]), Number(match[2]), Number(match[3])] : undefined;
}

function holds(actual: Triple, comparator: string): boolean {
  const match = /^(\^|~|>=|<=|>|<|=)?v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+].*)?$/.exec(comparator);
  if (match === null) return true;
  const [, operator = '=', ...written] = match;
  const parts = written.map((part) => (part === undefined || /[xX*]/.test(part) ? undefined : Number(part)));
  if (parts[0] === undefined) return true;
  const low: Triple = [parts[0], parts[1] ?? 0, parts[2] ?? 0];
  switch (operator) {
    case '>=':
      return compare(actual, low) >= 0;
    case '>':
      return compare(actual, low) > 0;
    case '<=':
      return compare(actual, low) <= 0;
    case '<':
      return compare(actual, low) < 0;
    case '^':
      return compare(actual, low) >= 0 && compare(actual, caretEnd(low, parts)) < 0;
    case '~':
      return compare(actual, low) >= 0 && compare(actual, wildcardEnd([parts[0], parts[1], undefined])) < 0;
    default:
      return compare(actual, low) >= 0 && compare(actual, wildcardEnd(parts)) < 0;
  }
}

function caretEnd([major, minor, patch]: Triple, parts: readonly (number | undefined)[]): Triple {
  if (major > 0 || parts[1] === undefined) return [major + 1, 0, 0];
  if (minor > 0 || parts[2] === undefined) return [0, minor + 1, 0];
  return [0, 0, patch + 1];
}

/** The first version past `1`, `1.2` or `1.2.3`. */
function wildcardEnd([major = 0, minor, patch]: readonly (number | undefined)[]): Triple {
  if (minor === undefined) return [major + 1, 0, 0];
  return patch === undefined ? [major, minor + 1, 0] : [major, minor, patch + 1];
}

function compare(a: Triple, b: Triple): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
