import type { ScalarValue } from './node.ts';

/**
 * What an unquoted YAML scalar means, as go-yaml v3 reads it: `yes` and `on` are texts, `0755` is octal, `1_000` a number,
 * timestamps stay texts.
 */
export function resolvePlain(text: string): ScalarValue {
  if (text in WORDS) return WORDS[text]!;
  const digits = text.replaceAll('_', '');
  if (/^[-+]?(0[bB][01]+|0[oO]?[0-7]+|0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)$/.test(digits)) return integer(digits);
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(text)) return Number(text);
  if (/^[-+]?\.(inf|Inf|INF)$/.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return text;
}

const WORDS: Readonly<Record<string, ScalarValue>> = Object.assign(Object.create(null), {
  '': null,
  '~': null,
  null: null,
  Null: null,
  NULL: null,
  true: true,
  True: true,
  TRUE: true,
  false: false,
  False: false,
  FALSE: false,
  '.nan': Number.NaN,
  '.NaN': Number.NaN,
  '.NAN': Number.NaN,
});

/** Beyond 2^53 a bigint, so that no digit is lost. */
function integer(digits: string): number | bigint {
  const negative = digits.startsWith('-');
  const unsigned = digits.replace(/^[-+]/, '');
  const legacyOctal = /^0[0-7]+$/.test(unsigned);
  const value = BigInt(legacyOctal ? `0o${unsigned.slice(1)}` : unsigned.toLowerCase());
  const signed = negative ? -value : value;
  return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(signed)
    : signed;
}
