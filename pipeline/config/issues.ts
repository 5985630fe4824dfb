import type { z } from 'zod';
import { type Node, nodeAt, type Origin, toPlain } from './node.ts';
import { didYouMean, type Problem } from './problems.ts';

export type Checked<T> =
  /** `written` is what the schema was given, texts put right: what print-config starts from. */
  | { readonly ok: true; readonly value: T; readonly written: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Checks a value against a schema. What is wrong comes back with its place and path. A text field that was written without
 * quotes gets the characters that were written, not the number they look like.
 */
export function check<S extends z.ZodType>(schema: S, node: Node, path: readonly string[]): Checked<z.output<S>> {
  // An empty body is an empty map: `otlp:`.
  const value = node.kind === 'scalar' && node.value === null ? {} : toPlain(node);
  let result = schema.safeParse(value);
  for (let tries = 0; !result.success && tries < 8 && restoreTexts(result.error.issues, value, node); tries++) {
    result = schema.safeParse(value);
  }
  if (result.success) return { ok: true, value: result.data, written: value };
  return { ok: false, problems: result.error.issues.flatMap((issue) => explain(issue, schema, node, path)) };
}

type Issue = z.core.$ZodIssue;

/** Puts the written characters where a text is wanted, and takes away what was left empty; whether it did anything. */
function restoreTexts(issues: readonly Issue[], value: unknown, root: Node): boolean {
  let changed = false;
  for (const issue of issues) {
    const last = issue.path.at(-1);
    const written = exactly(root, issue.path);
    if (last === undefined || written?.kind !== 'scalar') continue;
    let parent = value as Record<PropertyKey, unknown>;
    for (const step of issue.path.slice(0, -1)) parent = parent[step] as Record<PropertyKey, unknown>;
    if (written.value === null && parent[last] === null && !Array.isArray(parent)) {
      delete parent[last];
      changed = true;
    } else if (issue.code === 'invalid_type' && issue.expected === 'string' && typeof parent[last] !== 'string') {
      if (written.text === undefined || typeof written.value === 'boolean') continue;
      parent[last] = written.text;
      changed = true;
    }
  }
  return changed;
}

function exactly(root: Node, path: readonly PropertyKey[]): Node | undefined {
  const parent = nodeAt(root, path.slice(0, -1));
  const found = nodeAt(root, path);
  return found === parent ? undefined : found;
}

function explain(issue: Issue, schema: z.ZodType, root: Node, prefix: readonly string[]): Problem[] {
  const path = [...prefix, ...issue.path.map(String)];
  const node = nodeAt(root, issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        origin: keyOrigin(node, key),
        path: path.join('::'),
        message: `unknown key "${key}"${didYouMean(key, keysAt(schema, issue.path))}`,
      }));
    case 'invalid_type':
      return [
        {
          origin: node.origin,
          path: path.join('::'),
          message: missing(root, issue.path) ? 'is required' : wrongType(issue.expected, node),
        },
      ];
    case 'invalid_value':
      return [{ origin: node.origin, path: path.join('::'), message: wrongValue(issue.values, node, issue.message) }];
    case 'invalid_union': {
      const deeper = deepest(issue.errors);
      if (deeper !== undefined) {
        return deeper.flatMap((inner) =>
          explain({ ...inner, path: [...issue.path, ...inner.path] } as Issue, schema, root, prefix),
        );
      }
      return [{ origin: node.origin, path: path.join('::'), message: `${issue.message}, got ${shown(node)}` }];
    }
    case 'too_small':
    case 'too_big':
      return [{ origin: node.origin, path: path.join('::'), message: limit(issue, node) }];
    default:
      return [{ origin: node.origin, path: path.join('::'), message: issue.message }];
  }
}

/** The alternative of a union that got furthest: its complaints are the ones that help. */
function deepest(alternatives: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const depth = (issues: readonly Issue[]) => Math.max(0, ...issues.map(({ path }) => path.length));
  const best = alternatives.toSorted((a, b) => depth(b) - depth(a))[0];
  return best !== undefined && depth(best) > 0 ? best : undefined;
}

function missing(root: Node, path: readonly PropertyKey[]): boolean {
  return path.length > 0 && exactly(root, path) === undefined;
}

function wrongType(expected: string, node: Node): string {
  const names: Readonly<Record<string, string>> = {
    object: 'a map',
    record: 'a map',
    array: 'a list',
    string: 'a text',
    boolean: 'true or false',
    int: 'a whole number',
    number: 'a number',
  };
  const quoted =
    (expected === 'number' || expected === 'int') &&
    typeof toPlain(node) === 'string' &&
    /^[\d.]+$/.test(String(toPlain(node)));
  return `expected ${names[expected] ?? expected}, got ${shown(node)}${quoted ? '; remove the quotes' : ''}`;
}

function wrongValue(values: readonly unknown[], node: Node, own: string): string {
  if (!/^Invalid (option|input)/.test(own)) return own;
  const list = values.map((value) => (typeof value === 'string' ? `"${value}"` : String(value)));
  const written = toPlain(node);
  const hint =
    typeof written === 'string'
      ? didYouMean(
          written,
          values.filter((value) => typeof value === 'string'),
        )
      : '';
  return `expected ${list.length > 1 ? 'one of ' : ''}${list.join(', ')}, got ${shown(node)}${hint}`;
}

function limit(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>, node: Node): string {
  const bound = issue.code === 'too_small' ? issue.minimum : issue.maximum;
  const relation =
    issue.code === 'too_small'
      ? issue.inclusive === false
        ? 'more than'
        : 'at least'
      : issue.inclusive === false
        ? 'less than'
        : 'at most';
  switch (issue.origin) {
    case 'string':
      return issue.code === 'too_small' && Number(bound) === 1
        ? 'must not be empty'
        : `must have ${relation} ${bound} characters`;
    case 'array':
    case 'set':
      return issue.code === 'too_small' && Number(bound) === 1
        ? 'must not be empty'
        : `must have ${relation} ${bound} entries`;
    default:
      return `must be ${relation} ${bound}, got ${shown(node)}`;
  }
}

function keyOrigin(node: Node, key: string): Origin {
  return (node.kind === 'map' ? node.entries.get(key)?.origin : undefined) ?? node.origin;
}

/** A value as messages show it: short. */
function shown(node: Node): string {
  switch (node.kind) {
    case 'map':
      return 'a map';
    case 'list':
      return 'a list';
    case 'scalar': {
      if (node.value === null) return 'nothing';
      const text = typeof node.value === 'string' ? JSON.stringify(node.value) : (node.text ?? String(node.value));
      return text.length > 60 ? `${text.slice(0, 57)}…` : text;
    }
    default:
      return node satisfies never;
  }
}

/** Keys that the objects of a schema know at a path; of a union all alternatives are looked at. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at = unwrapped(schema);
  for (const step of path) {
    at = at.flatMap((definition) => {
      const next = definition.shape?.[String(step)] ?? definition.element ?? definition.valueType;
      return next === undefined ? [] : unwrapped(next);
    });
  }
  return at.flatMap((definition) => Object.keys(definition.shape ?? {}));
}

interface Definition {
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly options?: readonly z.ZodType[];
}

/** What is inside of defaults, optionals, pipes and unions. */
function unwrapped(schema: z.ZodType): readonly Definition[] {
  const definition = schema.def as Definition;
  const inner = definition.options ?? [definition.innerType ?? definition.in ?? []].flat();
  return inner.length === 0 ? [definition] : inner.flatMap(unwrapped);
}
