import { stringify } from 'yaml';
import type { z } from 'zod';
import { formatDuration, parseDuration } from '../../sdk/config-types.ts';
import { withoutPasswords } from '../redact.ts';
import { checkPart } from './check.ts';
import { SECTIONS } from './ids.ts';
import { serviceSchema } from './service.ts';
import { childSchema, defaultOf, shapeOf } from './shape.ts';
import { isNothing, nodeAt, plain } from './tree.ts';
import type { ConfigMap, ConfigNode, ConfigPath, ResolvedConfig } from './types.ts';

export interface PrintOptions {
  readonly format: 'yaml' | 'json';
  /** `redacted` puts `[REDACTED]` for every secret, and for the password of a URL. */
  readonly mode: 'redacted' | 'unredacted';
}

/** A configuration as it would have to be written with all defaults, keys sorted, ended by a line feed. It can be read again. */
export function printConfig(tree: ConfigMap, resolved: ResolvedConfig, { format, mode }: PrintOptions): string {
  const printed: Record<string, unknown> = {};
  const redact = mode === 'redacted';
  for (const { id, entry } of resolved.components) {
    const section = SECTIONS[id.kind];
    const path = [section, keyOf(tree, section, String(id))];
    const below = printed[section] ?? {};
    printed[section] = { ...below, [String(id)]: filled(tree, path, entry.spec.config, redact) };
  }
  printed['service'] = filled(tree, ['service'], serviceSchema, redact);
  const plugins = nodeAt(tree, ['plugins']);
  if (plugins !== undefined && !isNothing(plugins)) printed['plugins'] = plain(plugins);
  const sorted = sortKeys(escaped(printed));
  return format === 'json'
    ? `${JSON.stringify(sorted, null, 4)}\n`
    : stringify(sorted, {
        indent: 4,
        lineWidth: 0,
        blockQuote: false,
        aliasDuplicateObjects: false,
        schema: 'yaml-1.1',
        compat: 'core',
      });
}

/** Ids may be written with blanks around their parts. */
function keyOf(tree: ConfigMap, section: string, id: string): string {
  const node = nodeAt(tree, [section]);
  const keys = node?.kind === 'map' ? [...node.entries.keys()] : [];
  return keys.find((key) => key === id) ?? keys.find((key) => key.replaceAll(/\s*(\/|^|$)\s*/g, '$1') === id) ?? id;
}

function filled(tree: ConfigMap, path: ConfigPath, schema: z.ZodType, redact: boolean): unknown {
  const empty: ConfigMap = { kind: 'map', entries: new Map(), origin: tree.origin };
  const written = nodeAt(tree, path);
  const node: ConfigNode = written === undefined || isNothing(written) ? empty : written;
  const { input } = checkPart(schema, { node, path, key: node.origin });
  return fill(schema, preprocessed(schema, input), redact);
}

/** What a schema makes of the whole before it looks at its parts, such as the keys of a preset. */
function preprocessed(schema: z.ZodType, input: unknown): unknown {
  const { def } = (schema as unknown as z.core.$ZodTypes)._zod;
  const isFirst = def.type === 'pipe' && (def.in as z.core.$ZodTypes)._zod.def.type === 'transform';
  return isFirst ? (def.in as z.ZodType).parse(input) : input;
}

/** What was written, and the defaults of what was not. */
function fill(schema: z.core.$ZodType, written: unknown, redact: boolean): unknown {
  const input = written === undefined ? defaultOf(schema)?.value : written;
  if (input === undefined || input === null) return input;
  const shape = shapeOf(schema);
  switch (shape.configType) {
    case 'secret':
      return redact && input !== '' ? '[REDACTED]' : input;
    case 'duration':
      return canonicalDuration(input);
    default:
  }
  switch (shape.kind) {
    case 'object': {
      if (typeof input !== 'object') return input;
      const keys = new Set([...Object.keys(shape.fields), ...Object.keys(input)]);
      return entries([...keys], (key) => [childSchema(schema, key), Reflect.get(input, key)], redact);
    }
    case 'record':
      if (typeof input !== 'object') return input;
      return entries(Object.keys(input), (key) => [shape.value, Reflect.get(input, key)], redact);
    case 'list':
      return Array.isArray(input) ? input.map((item) => fill(shape.item, item, redact)) : input;
    case 'union': {
      const option = shape.options.find((each) => (each as z.ZodType).safeParse(input).success);
      return option === undefined ? input : fill(option, input, redact);
    }
    case 'leaf':
      return redact && typeof input === 'string' ? withoutPasswords(input) : input;
    default:
      return shape satisfies never;
  }
}

function entries(
  keys: readonly string[],
  at: (key: string) => readonly [z.core.$ZodType | undefined, unknown],
  redact: boolean,
): unknown {
  const pairs = keys.map((key) => {
    const [schema, value] = at(key);
    return [key, schema === undefined ? value : fill(schema, value, redact)] as const;
  });
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

function canonicalDuration(input: unknown): unknown {
  const ms = typeof input === 'number' ? input / 1e6 : typeof input === 'string' ? parseDuration(input) : undefined;
  return ms === undefined ? input : formatDuration(ms);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, child]) => [key, sortKeys(child)]));
}

/** Texts that reading would take for references or escapes are written so that it does not. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(/\$(?=[{$])/g, '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, escaped(child)]));
}
