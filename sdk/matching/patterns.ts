/** How texts of a configuration are compared with texts of the data: equal, by regular expression, or by glob. */
export const MATCH_TYPES = ['strict', 'regexp', 'glob'] as const;
export type MatchType = (typeof MATCH_TYPES)[number];

/** Whether a text matches at least one of the patterns. Throws SyntaxError for a pattern that is none. */
export function textMatcher(patterns: readonly string[], type: MatchType): (text: string) => boolean {
  if (type === 'strict') {
    const texts = new Set(patterns);
    return (text) => texts.has(text);
  }
  const expressions = patterns.map(type === 'regexp' ? compileRegexp : compileGlob);
  return (text) => expressions.some((expression) => expression.test(text));
}

/**
 * A regular expression as configurations of the Collector write it (Go's syntax, matching anywhere in the text): flags at
 * its beginning `(?is)`, groups `(?P<name>…)`, `\A` and `\z`, classes `[[:alpha:]]`. Throws SyntaxError.
 */
export function compileRegexp(pattern: string): RegExp {
  const [prefix, flags] = /^\(\?([ims]+)\)/.exec(pattern) ?? ['', ''];
  const source = pattern
    .slice(prefix.length)
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\\([Az])/g, (_, anchor) => (anchor === 'A' ? '(?<![^])' : '(?![^])'))
    .replaceAll(/\[:([a-z]+):\]/g, (whole, name: string) => POSIX_CLASSES[name] ?? whole);
  try {
    return new RegExp(source, `u${flags}`);
  } catch {
    // Escapes that Go allows and the flag u does not: `\-`, `\_`.
    return new RegExp(source, flags);
  }
}

/** `*` stands for any text, `?` for one character; all else for itself. The whole text must match. */
export function compileGlob(pattern: string): RegExp {
  const source = pattern.replaceAll(/[\\^$.*+?()[\]{}|]/g, (character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : `\\${character}`;
  });
  return new RegExp(`^${source}$`, 'su');
}

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
