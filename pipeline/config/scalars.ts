/**
 * The value of a plain (unquoted) YAML scalar by go-yaml's rules, which are the Collector's: YAML 1.2 with the integers of
 * 1.1 (`0755`, `0b11`, `1_000`); `yes`, `no`, `on`, `off` are text; dates are text.
 */
export function resolvePlain(text: string): string | number | boolean | null {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (text.startsWith('.')) return FLOAT.test(text) ? Number(text) : text;
  if (!/^[-+\d]/.test(text)) return text;
  const plain = text.replaceAll('_', '');
  return integer(plain) ?? (FLOAT.test(plain) ? Number(plain) : text);
}

const WORDS: ReadonlyMap<string, number | boolean | null> = new Map<string, number | boolean | null>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as const),
]);

const FLOAT = /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/;

/** An integer as Go's base 0 reads it; undefined when the text is none, or does not fit into 64 bits. */
function integer(text: string): number | undefined {
  const [, sign, digits] = /^([-+]?)(0|[1-9]\d*|0[0-7]+|0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const magnitude = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  if (magnitude > (sign === '-' ? 2n ** 63n : 2n ** 64n - 1n)) return undefined;
  return magnitude === 0n ? 0 : Number(sign === '-' ? -magnitude : magnitude);
}

/** The value of a scalar with an explicit tag (`!!str 5`); undefined when the text does not suit it. Unknown tags leave text. */
export function resolveTagged(tag: string, text: string): string | number | boolean | null | undefined {
  const value = resolvePlain(text);
  switch (tag) {
    case 'tag:yaml.org,2002:int':
      return Number.isInteger(value) ? value : undefined;
    case 'tag:yaml.org,2002:float':
      return typeof value === 'number' ? value : undefined;
    case 'tag:yaml.org,2002:bool':
      return typeof value === 'boolean' ? value : BOOLS_1_1.get(text.toLowerCase());
    case 'tag:yaml.org,2002:null':
      return value === null ? null : undefined;
    default:
      return text;
  }
}

const BOOLS_1_1: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['on', true],
  ['y', true],
  ['no', false],
  ['off', false],
  ['n', false],
]);
