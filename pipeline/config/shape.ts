import type { z } from 'zod';
import { type ConfigType, configTypes } from '../../sdk/config-types.ts';

type Schema = z.core.$ZodType;

/** What a schema takes, without its wrappers, defaults and transforms. */
export type Shape = (
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Schema>>; readonly rest: Schema | undefined }
  | { readonly kind: 'record'; readonly value: Schema }
  | { readonly kind: 'list'; readonly item: Schema }
  | { readonly kind: 'union'; readonly options: readonly Schema[] }
  | { readonly kind: 'leaf'; readonly type: string }
) & { readonly configType: ConfigType['type'] | undefined };

/** The shape of what a schema reads. */
export function shapeOf(schema: Schema): Shape {
  const { inner, configType } = unwrap(schema);
  const { def } = (inner as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'object':
      return { kind: 'object', fields: def.shape, rest: permissive(def.catchall), configType };
    case 'record':
      return { kind: 'record', value: def.valueType, configType };
    case 'array':
      return { kind: 'list', item: def.element, configType };
    case 'union':
      return { kind: 'union', options: def.options, configType };
    default:
      return { kind: 'leaf', type: def.type, configType };
  }
}

/** The schema of one key or index; undefined where none is known. Of a union, the first option that has it. */
export function childSchema(schema: Schema, step: string | number): Schema | undefined {
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case 'object':
      return Object.hasOwn(shape.fields, step) ? shape.fields[step] : shape.rest;
    case 'record':
      return shape.value;
    case 'list':
      return shape.item;
    case 'union':
      return shape.options.map((option) => childSchema(option, step)).find((child) => child !== undefined);
    case 'leaf':
      return undefined;
    default:
      return shape satisfies never;
  }
}

/** The keys that a map may have; of a union, all options'. */
export function keysOf(schema: Schema): readonly string[] {
  const shape = shapeOf(schema);
  if (shape.kind === 'object') return Object.keys(shape.fields);
  return shape.kind === 'union' ? [...new Set(shape.options.flatMap(keysOf))] : [];
}

/** The default as it would be written, and whether it replaces a missing value at all. */
export function defaultOf(schema: Schema): { readonly value: unknown } | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'default':
    case 'prefault':
      return { value: def.defaultValue };
    case 'optional':
    case 'nullable':
    case 'readonly':
    case 'nonoptional':
    case 'catch':
      return defaultOf(def.innerType);
    case 'pipe':
      return defaultOf(def.in);
    default:
      return undefined;
  }
}

function unwrap(schema: Schema): { readonly inner: Schema; readonly configType: ConfigType['type'] | undefined } {
  let inner = schema;
  let configType = configTypes.get(inner as z.ZodType)?.type;
  for (let next = innerOf(inner); next !== undefined; next = innerOf(inner)) {
    inner = next;
    configType ??= configTypes.get(inner as z.ZodType)?.type;
  }
  return { inner, configType };
}

function innerOf(schema: Schema): Schema | undefined {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return def.innerType;
    case 'pipe':
      return (def.in as z.core.$ZodTypes)._zod.def.type === 'transform' ? def.out : def.in;
    case 'lazy':
      return def.getter();
    default:
      return undefined;
  }
}

/** `z.strictObject` has a catch-all that takes nothing. */
function permissive(catchall: Schema | undefined): Schema | undefined {
  return catchall !== undefined && (catchall as z.core.$ZodTypes)._zod.def.type === 'never' ? undefined : catchall;
}
