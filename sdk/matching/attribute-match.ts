import { z } from 'zod';
import { type AttributeValue, Double } from '../../pdata/attributes.ts';
import { type MatchType, textMatcher } from './patterns.ts';
import { sameValue, valueText } from './values.ts';

/** A value of an attribute as YAML writes it. */
export function attributeValueSettings(): z.ZodType<AttributeValue> {
  return z.json() as unknown as z.ZodType<AttributeValue>;
}

/** `attributes:` and the like of a match: all of the list must be there, each with its value where one is given. */
export function attributeMatchSettings() {
  return z.array(
    z.strictObject({
      key: z.string().min(1, "can't have empty key in the list of attributes").describe('Key of the attribute.'),
      value: attributeValueSettings()
        .optional()
        .describe('Its value: of the same type with strict, a pattern otherwise. Without one any value matches.'),
    }),
  );
}

export type AttributeMatchSettings = z.output<ReturnType<typeof attributeMatchSettings>>;

/** Whether attributes, given by `get`, match every entry. Throws SyntaxError for a pattern that is none. */
export function attributeMatcher(
  entries: AttributeMatchSettings,
  type: MatchType,
): (get: (key: string) => AttributeValue | undefined) => boolean {
  const tests = entries.map(({ key, value }) => ({ key, test: valueTest(key, value, type) }));
  return (get) =>
    tests.every(({ key, test }) => {
      const value = get(key);
      return value !== undefined && test(value);
    });
}

function valueTest(
  key: string,
  wanted: AttributeValue | undefined,
  type: MatchType,
): (value: AttributeValue) => boolean {
  if (wanted === undefined || wanted === null) return () => true;
  if (type === 'strict') return (value) => sameValue(value, wanted);
  if (typeof wanted !== 'string') {
    throw new SyntaxError(`match_type=${type} for ${JSON.stringify(key)} only supports texts: put the value in quotes`);
  }
  const matches = textMatcher([wanted], type);
  return (value) => isSimple(value) && matches(valueText(value));
}

/** Maps, lists and bytes match no pattern. */
function isSimple(value: AttributeValue): boolean {
  return typeof value !== 'object' || value instanceof Double;
}
