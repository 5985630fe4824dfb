/**
 * Whether a process counts, by its executable's name. Patterns are exact names, names with `*` (any text) and `?` (one
 * character), or regular expressions after `re:`, which match anywhere unless they are anchored.
 */
export function processFilter(only: readonly string[], without: readonly string[]): (executable: string) => boolean {
  const allowed = nameMatcher(only);
  const excluded = nameMatcher(without);
  return (executable) => (only.length === 0 || allowed(executable)) && !excluded(executable);
}

/** Whether a name matches any of these patterns. */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map(matcher);
  return (name) => matchers.some((matches) => matches(name));
}

function matcher(pattern: string): (text: string) => boolean {
  if (pattern.startsWith('re:')) return expressionMatcher(pattern.slice(3));
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const expression = pattern
    .replace(/[\\^$.|+()[\]{}/]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return expressionMatcher(`^${expression}$`);
}

function expressionMatcher(expression: string): (text: string) => boolean {
  const compiled = new RegExp(expression, 'su');
  return (text) => compiled.test(text);
}
