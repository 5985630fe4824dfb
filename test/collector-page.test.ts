import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { z } from 'zod';
import { serviceSchema } from '../pipeline/config/service.ts';
import { shapeOf } from '../pipeline/config/shape.ts';
import { builtIns } from '../pipeline/manifest.ts';

const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'collector.md'), 'utf8');

test('the page names every key that is accepted without effect, and no other', async () => {
  const sections = new Map(
    [...page.matchAll(/^- `(\S+)`: (.*(?:\n {2}.*)*)$/gm)].map(([, name, keys]) => [name!, keys!]),
  );
  const named = [...sections].map(([name, keys]) => [name, [...keys.matchAll(/`([^`]+)`/g)].map(([, key]) => key)]);
  const found: [string, string[]][] = [];
  for (const { type, load } of builtIns) {
    const spec = (await load()).default as { readonly config: z.ZodType };
    found.push([type, idleKeys(spec.config)]);
  }
  found.push(['service', idleKeys(serviceSchema)]);
  assert.deepEqual(Object.fromEntries(named), Object.fromEntries(found.filter(([, keys]) => keys.length > 0)));
});

/** Paths of the keys whose descriptions say so; what is below such a key goes without saying. */
function idleKeys(schema: z.core.$ZodType, path: readonly string[] = []): string[] {
  const { description = '' } = schema as z.ZodType;
  // Values of attributes are values of attributes, and so on.
  if (path.length > 8) return [];
  if (/accepted|has no effect[.,]/i.test(description)) return [path.join('.')];
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case 'object':
      return Object.entries(shape.fields).flatMap(([key, field]) => idleKeys(field, [...path, key]));
    case 'record':
      return idleKeys(shape.value, [...path, '*']);
    case 'list':
      return idleKeys(shape.item, [...path, '*']);
    case 'union':
      return shape.options.flatMap((option) => idleKeys(option, path));
    case 'leaf':
      return [];
    default:
      return shape satisfies never;
  }
}
