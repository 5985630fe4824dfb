export { attributeMatcher, attributeMatchSettings, attributeValueSettings } from './attribute-match.ts';
export { type ItemMatch, matchItems } from './match-items.ts';
export { includeExclude, type MatchProperties, matchProperties, strangeProperty } from './match-properties.ts';
export { compileGlob, compileRegexp, MATCH_TYPES, type MatchType, textMatcher } from './patterns.ts';
export { sameValue, valueText } from './values.ts';
