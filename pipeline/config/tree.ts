import type { z } from 'zod';
import { childSchema, shapeOf } from './shape.ts';
import type { ConfigNode, ConfigPath, Origin } from './types.ts';

/** The node at a path; undefined where there is none. */
export function nodeAt(root: ConfigNode, path: ConfigPath): ConfigNode | undefined {
  let node: ConfigNode | undefined = root;
  for (const step of path) {
    if (node?.kind === 'map') node = node.entries.get(String(step))?.value;
    else if (node?.kind === 'list') node = node.items[Number(step)];
    else return undefined;
  }
  return node;
}

/**
 * Where the key or value at a path below a node stands; of what is missing, where the nearest map around it begins.
 * `start` is the place of the node's own key.
 */
export function originAt(root: ConfigNode, start: Origin, path: ConfigPath, what: 'key' | 'value'): Origin {
  let key = start;
  let node: ConfigNode = root;
  for (const step of path) {
    if (node.kind === 'map') {
      const entry = node.entries.get(String(step));
      if (entry === undefined) return key;
      key = entry.key;
      node = entry.value;
    } else if (node.kind === 'list') {
      const item: ConfigNode | undefined = node.items[Number(step)];
      if (item === undefined) return key;
      key = item.origin;
      node = item;
    } else return key;
  }
  return what === 'key' || (isNothing(node) && node.text === undefined) ? key : node.origin;
}

export function isNothing(node: ConfigNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

/** A tree as plain data. */
export function plain(node: ConfigNode): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value;
    case 'list':
      return node.items.map(plain);
    case 'map':
      return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plain(value)]));
    default:
      return node satisfies never;
  }
}

/**
 * A tree as plain data for a schema. As in the Collector, a key without a value takes its default, and where a map is wanted
 * it stands for the empty one (`grpc:`).
 */
export function inputFor(node: ConfigNode, schema: z.core.$ZodType | undefined): unknown {
  if (schema === undefined) return plain(node);
  switch (node.kind) {
    case 'scalar':
      return node.value === null ? nothingFor(schema, node.text) : node.value;
    case 'list':
      return node.items.map((item, i) =>
        isNothing(item) && item.text === undefined ? null : inputFor(item, childSchema(schema, i)),
      );
    case 'map': {
      const entries = [...node.entries].map(
        ([key, { value }]) => [key, inputFor(value, childSchema(schema, key))] as const,
      );
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    }
    default:
      return node satisfies never;
  }
}

/** `text` is set where an empty reference stood: it is the empty text where text is wanted. */
function nothingFor(schema: z.core.$ZodType, text: string | undefined): unknown {
  if (accepts(schema, null)) return null;
  const shape = shapeOf(schema);
  if (shape.kind === 'leaf') return shape.type === 'string' ? text : undefined;
  const isMap =
    shape.kind === 'object' ||
    (shape.kind === 'union' && shape.options.some((option) => shapeOf(option).kind === 'object'));
  return isMap ? {} : undefined;
}

function accepts(schema: z.core.$ZodType, value: unknown): boolean {
  try {
    return (schema as z.ZodType).safeParse(value).success;
  } catch {
    return false;
  }
}
