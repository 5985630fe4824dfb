import { readFileSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { z } from 'bpflow/sdk';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';

const MOST_BYTES = 1024 * 1024;

/** How the bytes of a label are told, where the member's type does not say it. */
export const TEXTS = ['ip', 'mac', 'hex', 'errno', 'big_endian'] as const;
export type TextForm = (typeof TEXTS)[number];

const word = z.string().min(1);
const attribute = z.string().regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$/, {
  error: 'must be lower case words joined by dots or underscores: "network.peer.address"',
});

/** Nothing after the colon is as good as `{}`. */
const place = z
  .strictObject({
    interface: word.optional(),
    binary: word.optional(),
    symbol: word.optional(),
    cgroup: word.refine(isAbsolute, { error: 'must be an absolute path' }).optional(),
  })
  .refine(({ binary, symbol }) => (binary === undefined) === (symbol === undefined), {
    error: 'binary and symbol go together',
  })
  .refine((given) => [given.interface, given.binary, given.cgroup].filter((each) => each !== undefined).length < 2, {
    error: 'a program attaches to one place: an interface, a symbol of a binary, or a cgroup',
  })
  .nullable()
  .transform((given) => given ?? {});

const label = z
  .strictObject({
    member: word.optional(),
    as: z.enum(TEXTS).optional(),
    names: z.record(z.string(), z.string()).optional(),
  })
  .nullable()
  .transform((given) => given ?? {});

const metric = z
  .strictObject({
    kind: z.enum(['counter', 'gauge', 'histogram']),
    unit: word,
    description: z.string().regex(/^\S.*[.!]$/s, { error: 'must be a sentence with a full stop' }),
    page_name: z.string().optional(),
    estimated: z
      .string()
      .regex(/^\S.*\.$/s, { error: 'must be a sentence with a full stop' })
      .optional(),
    map: word,
    value: word.optional(),
    sum: word.optional(),
    bounds: z.array(z.number()).min(1).max(255).optional(),
    labels: z.record(attribute, label).default({}),
  })
  .refine(({ kind, sum, bounds }) => kind === 'histogram' || (sum === undefined && bounds === undefined), {
    error: 'sum and bounds are of histograms',
  });

const schema = z.strictObject({
  programs: z.record(word, place).refine((programs) => Object.keys(programs).length > 0, { error: 'names no program' }),
  globals: z.record(word, z.union([z.int(), z.boolean()])).default({}),
  metrics: z.record(word, metric).default({}),
});

/** What a description says of the object beside it. */
export type Description = z.output<typeof schema>;
export type DescribedPlace = z.output<typeof place>;
export type DescribedMetric = z.output<typeof metric>;
export type DescribedLabel = z.output<typeof label>;

/** Throws an Error that says line, column, and what is wrong there. */
export function readDescription(path: string): Description {
  if (statSync(path).size > MOST_BYTES) throw new Error(`${path} is larger than 1 MiB`);
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const [broken] = document.errors;
  if (broken !== undefined) throw new Error(`${at(broken.pos[0])}: ${broken.message}`);
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const { path: keys, message } = issue!;
  const where = keys.length === 0 ? '' : `${keys.join('.')}: `;
  const unknown = issue!.code === 'unrecognized_keys' ? issue!.keys[0] : undefined;
  throw new Error(`${at(offsetOf(document, keys, unknown))}: ${where}${message}`);
}

/** Where the value is, or a key of it, or the nearest around it that is written. */
function offsetOf(document: ReturnType<typeof parseDocument>, keys: readonly PropertyKey[], key?: string): number {
  for (let length = keys.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(keys.slice(0, length), true);
    if (isMap(node)) {
      const found = node.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key;
      if (isScalar(found) && found.range) return found.range[0];
    }
    const range = (node as { readonly range?: readonly [number, number, number] } | null | undefined)?.range;
    if (range) return range[0];
  }
  return 0;
}
