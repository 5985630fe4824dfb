import { stringify } from 'yaml';
import type { z } from 'zod';
import type { ComponentSpec } from '../../sdk/component.ts';
import { configTypes } from '../../sdk/config-types.ts';
import { type MapNode, toPlain } from './node.ts';
import { serviceSchema } from './service.ts';
import type { ResolvedConfig } from './validate.ts';

export interface PrintOptions {
  readonly format: 'yaml' | 'json';
  readonly mode: 'redacted' | 'unredacted';
}

const SECTIONS = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
} as const;

/** The configuration with all defaults filled in, keys sorted, secrets as `[REDACTED]`. */
export function printConfig<E extends { readonly spec: ComponentSpec }>(
  root: MapNode,
  config: ResolvedConfig<E>,
  options: PrintOptions,
): string {
  const redact = options.mode === 'redacted';
  const document: Record<string, unknown> = {};
  for (const [kind, section] of Object.entries(SECTIONS)) {
    const components = config.components[kind as keyof typeof SECTIONS];
    if (components.length === 0) continue;
    document[section] = Object.fromEntries(
      components.map(({ id, entry, written }) => [String(id), filled(entry.spec.config, written, redact)]),
    );
  }
  const service = root.entries.get('service')?.value;
  const plain = service?.kind === 'map' ? (toPlain(service) as Record<string, unknown>) : {};
  const { pipelines, extensions, ...rest } = plain;
  document['service'] = { ...(filled(serviceSchema, rest, redact) as object), extensions: extensions ?? [], pipelines };
  const plugins = root.entries.get('plugins');
  if (plugins !== undefined) document['plugins'] = toPlain(plugins.value);
  const sorted = sortKeys(document);
  return options.format === 'json'
    ? `${JSON.stringify(sorted, (_, value) => (typeof value === 'bigint' ? Number(value) : value), 2)}\n`
    : stringify(sorted, { indent: 4, aliasDuplicateObjects: false });
}

interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly defaultValue?: unknown;
}

/** A value as it would be written, with the defaults of its schema. */
function filled(schema: z.ZodType, value: unknown, redact: boolean): unknown {
  const definition = schema.def as unknown as Definition;
  if (redact && configTypes.get(schema)?.type === 'secret')
    return value === undefined || value === '' ? value : '[REDACTED]';
  switch (definition.type) {
    case 'default':
    case 'prefault':
      return filled(definition.innerType!, value === undefined ? definition.defaultValue : value, redact);
    case 'optional':
    case 'nullable':
    case 'readonly':
      return value === undefined || value === null ? value : filled(definition.innerType!, value, redact);
    case 'pipe':
      return filled(definition.in!, value, redact);
    case 'object': {
      const given = (value ?? {}) as Record<string, unknown>;
      return Object.fromEntries(
        Object.entries(definition.shape!).flatMap(([key, field]) => {
          const inner = filled(field, given[key], redact);
          return inner === undefined ? [] : [[key, inner]];
        }),
      );
    }
    case 'record':
      return Object.fromEntries(
        Object.entries((value ?? {}) as object).map(([key, each]) => [
          key,
          filled(definition.valueType!, each, redact),
        ]),
      );
    case 'array':
      return Array.isArray(value) ? value.map((each) => filled(definition.element!, each, redact)) : value;
    case 'union': {
      const match = definition.options!.find((option) => option.safeParse(value).success);
      return match === undefined ? value : filled(match, value, redact);
    }
    default:
      return value;
  }
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sortKeys(each)]),
  );
}
