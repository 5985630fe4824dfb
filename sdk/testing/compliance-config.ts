import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import type { ComponentSpec } from '../component.ts';
import type { ComponentKind } from '../scope.ts';
import type { ComplianceOptions } from './compliance.ts';

const SECTIONS: Readonly<Record<ComponentKind, string>> = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
};

/** Tests of the schema and of the README. */
export function checkConfig(spec: ComponentSpec, options: ComplianceOptions): void {
  const valid = options.config ?? {};

  test('a valid configuration is taken', () => {
    spec.config.parse(valid);
  });

  test('an unknown key is refused', () => {
    const body = { ...(valid as object), no_such_key: 1 };
    const issues = spec.config.safeParse(body).error?.issues ?? [];
    assert.ok(
      issues.some(({ code }) => code === 'unrecognized_keys'),
      'the schema takes the key "no_such_key": make it a z.strictObject',
    );
  });

  const bad =
    options.badConfig === undefined ? [] : Array.isArray(options.badConfig) ? options.badConfig : [options.badConfig];
  for (const body of bad) {
    test(`${JSON.stringify(body)} is refused`, () => {
      assert.equal(spec.config.safeParse(body).success, false);
    });
  }

  test('a configuration that is read twice is the same, so that a reload keeps the component', () => {
    assert.deepEqual(spec.config.parse(valid), spec.config.parse(valid));
  });

  test('every field is described', () => {
    const schema = z.toJSONSchema(spec.config, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
    assert.deepEqual(undescribed(schema, '', schema, new Set()), []);
  });

  test('its README shows a configuration that is taken', () => {
    const path = join(options.folder ?? dirname(process.argv[1]!), 'README.md');
    assert.ok(existsSync(path), `there is no ${path}`);
    const examples = examplesIn(readFileSync(path, 'utf8'), spec);
    assert.ok(examples.length > 0, `no \`\`\`yaml block in ${path} has ${SECTIONS[spec.kind]}: ${spec.type}`);
    for (const example of examples) spec.config.parse(example ?? {});
  });
}

/** Bodies of this component in the YAML blocks of a text. */
function examplesIn(text: string, spec: ComponentSpec): unknown[] {
  const names = [spec.type, ...(spec.aliases ?? []), ...(spec.deprecatedAliases ?? [])];
  const isOurs = (id: string): boolean => names.includes(id.split('/')[0]!.trim().replaceAll('-', '_'));
  return [...text.matchAll(/^```ya?ml\n(.*?)^```/gms)].flatMap(([, block]) => {
    const document: unknown = parse(block!);
    const section = isRecord(document) ? document[SECTIONS[spec.kind]] : undefined;
    if (!isRecord(section)) return [];
    return Object.entries(section).flatMap(([id, body]) => (isOurs(id) ? [body] : []));
  });
}

interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

/** Paths of the fields without a description. */
function undescribed(schema: JsonSchema, path: string, root: JsonSchema, seen: Set<JsonSchema>): string[] {
  const target = resolve(schema, root);
  if (seen.has(target)) return [];
  seen.add(target);
  const found: string[] = [];
  for (const [key, field] of Object.entries(target.properties ?? {})) {
    const at = path === '' ? key : `${path}.${key}`;
    if (!field.description && !resolve(field, root).description) found.push(at);
    found.push(...undescribed(field, at, root, seen));
  }
  for (const inner of [target.additionalProperties, target.items]) {
    if (typeof inner === 'object') found.push(...undescribed(inner, `${path}[]`, root, seen));
  }
  for (const choice of [...(target.anyOf ?? []), ...(target.oneOf ?? []), ...(target.allOf ?? [])]) {
    found.push(...undescribed(choice, path, root, seen));
  }
  return found;
}

function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  if (schema.$ref === '#') return root;
  return root.$defs?.[schema.$ref.replace('#/$defs/', '')] ?? schema;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
