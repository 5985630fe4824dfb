import type { z } from 'zod';
import { didYouMean } from './nearest.ts';
import { describeValue } from './problems.ts';

/** What zod's own words are replaced by where {@link explainIssue} cannot know enough. */
export const UNEXPLAINED = '\u0000';

/** What is wrong with a value, for one issue that the schema's author gave no message. Takes part in a parse as its error map. */
export function explainIssue(issue: z.core.$ZodRawIssue): string {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type':
      if (input === undefined) return `this key is required: ${expectation(issue.expected)}`;
      if (issue.expected === 'never') return 'this key is not allowed here';
      return `expected ${expectation(issue.expected)}, got ${describeValue(input)}${typeHint(issue.expected, input)}`;
    case 'invalid_value':
      return explainChoice(issue.values.map(String), input);
    case 'too_small':
      return explainBound(issue.origin, 'least', issue.minimum, issue.inclusive !== false, input);
    case 'too_big':
      return explainBound(issue.origin, 'most', issue.maximum, issue.inclusive !== false, input);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}, got ${describeValue(input)}`;
    case 'invalid_format':
      return issue.format === 'regex' ? `must match ${issue.pattern}` : `expected a text of the form ${issue.format}`;
    case 'custom':
      return 'this value is not valid';
    default:
      return UNEXPLAINED;
  }
}

/** What a schema wants, in words. */
export function expectation(expected: string): string {
  return EXPECTATIONS[expected] ?? expected;
}

const EXPECTATIONS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'nothing',
};

function typeHint(expected: string, input: unknown): string {
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')) return '; put it in quotes';
  if (typeof input !== 'string') return '';
  if (expected === 'boolean' && /^(?:true|false)$/i.test(input)) return '; write it without quotes';
  if (expected === 'boolean' && /^(?:y|yes|no?|on|off)$/i.test(input)) return '; write true or false';
  if ((expected === 'number' || expected === 'int') && /^[-+]?\d[\d_.]*$/.test(input))
    return '; write it without quotes';
  return '';
}

function explainChoice(values: readonly string[], input: unknown): string {
  const got = input === undefined ? '' : `, got ${describeValue(input)}`;
  if (values.length === 1) return `must be ${values[0]}${got}`;
  const near = typeof input === 'string' ? didYouMean(input, values) : '';
  return `expected one of ${values.join(', ')}${got}${near}`;
}

function explainBound(
  origin: string,
  side: 'least' | 'most',
  bound: number | bigint,
  inclusive: boolean,
  input: unknown,
): string {
  if (origin === 'string' || origin === 'array' || origin === 'set') {
    if (side === 'least' && Number(bound) === 1) return 'must not be empty';
    const unit = origin === 'string' ? 'character' : 'item';
    return `must have at ${side} ${bound} ${unit}${Number(bound) === 1 ? '' : 's'}`;
  }
  if (inclusive) return `must be at ${side} ${bound}, got ${describeValue(input)}`;
  return `must be ${side === 'least' ? 'greater' : 'less'} than ${bound}, got ${describeValue(input)}`;
}
