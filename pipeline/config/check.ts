import type { z } from 'zod';
import { explainIssue } from './explain.ts';
import { type FlatIssue, flattenIssues } from './issues.ts';
import { didYouMean } from './nearest.ts';
import { describeValue } from './problems.ts';
import { childSchema, keysOf, shapeOf } from './shape.ts';
import { inputFor, nodeAt, originAt } from './tree.ts';
import type { ConfigNode, ConfigPath, ConfigProblem, Origin } from './types.ts';

export interface Checked {
  /** What the schema made of it; undefined when there are problems. */
  readonly output: unknown;
  /** What the schema was given: `null`s, texts and enums are put right, defaults are not filled in. */
  readonly input: unknown;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** The part of a configuration that is checked: its node, its path from the root, and the place of its key. */
export interface Part {
  readonly node: ConfigNode;
  readonly path: ConfigPath;
  readonly key: Origin;
}

/**
 * Checks a part against a schema by the Collector's rules: a text that replaced a reference is taken as text or as what it is
 * in YAML, whichever the field wants; fractions are cut where a whole number is wanted; enums may be written in capitals.
 */
export function checkPart(schema: z.ZodType, part: Part): Checked {
  const warnings: ConfigProblem[] = [];
  const root = { value: inputFor(part.node, schema) };
  try {
    const first = adjust(schema, part, root, warnings);
    const input = root.value;
    if (first.issues.length === 0) {
      warnings.push(...bareDurations(schema, input, part));
      return { output: first.output, input, problems: [], warnings };
    }
    // Without unknown keys zod goes on to the checks that look at several keys.
    const rest = removeUnknownKeys(root, first.issues) ? parse(schema, root.value).issues : [];
    const problems = [...first.issues, ...rest].flatMap((issue) => problemsOf(issue, schema, part));
    return { output: undefined, input, problems, warnings };
  } catch (error) {
    const message = `the configuration cannot be checked: ${error instanceof Error ? error.message : String(error)}`;
    return {
      output: undefined,
      input: root.value,
      problems: [{ path: part.path, message, origin: part.key }],
      warnings,
    };
  }
}

interface Root {
  value: unknown;
}

interface Parsed {
  readonly output: unknown;
  readonly issues: readonly FlatIssue[];
}

function parse(schema: z.ZodType, input: unknown): Parsed {
  const result = schema.safeParse(input, { error: explainIssue, reportInput: true });
  return result.success
    ? { output: result.data, issues: [] }
    : { output: undefined, issues: flattenIssues(result.error.issues) };
}

/** Parses, putting right what the Collector accepts, until nothing more can be put right. */
function adjust(schema: z.ZodType, part: Part, root: Root, warnings: ConfigProblem[]): Parsed {
  /** What stood there before; undefined once that is put back, because the change did not help. */
  const changes = new Map<string, { readonly before: unknown } | undefined>();
  for (;;) {
    const parsed = parse(schema, root.value);
    let changed = false;
    for (const issue of parsed.issues) {
      const at = JSON.stringify(issue.path);
      const change = changes.get(at);
      if (change !== undefined) {
        setAt(root, issue.path, change.before);
        changes.set(at, undefined);
        changed = true;
        continue;
      }
      const better = changes.has(at) ? undefined : adjusted(issue, nodeAt(part.node, issue.path));
      if (better === undefined) continue;
      changes.set(at, { before: valueAt(root.value, issue.path) });
      setAt(root, issue.path, better.value);
      changed = true;
      if (better.warning === undefined) continue;
      const origin = originAt(part.node, part.key, issue.path, 'value');
      warnings.push({ path: [...part.path, ...issue.path], message: better.warning, origin });
    }
    if (!changed) return parsed;
  }
}

interface Adjustment {
  readonly value: unknown;
  readonly warning?: string;
}

function adjusted(issue: FlatIssue, node: ConfigNode | undefined): Adjustment | undefined {
  const { input } = issue;
  if (node?.text !== undefined && input !== node.text) return { value: node.text };
  if (
    issue.code === 'invalid_type' &&
    issue.expected === 'int' &&
    typeof input === 'number' &&
    Number.isFinite(input)
  ) {
    const whole = Math.trunc(input);
    return whole === input
      ? undefined
      : { value: whole, warning: `${input} is no whole number and is taken as ${whole}` };
  }
  if (issue.code === 'invalid_value' && typeof input === 'string') {
    const value = issue.values.find(
      (known) => typeof known === 'string' && known.toLowerCase() === input.toLowerCase(),
    );
    return value === undefined ? undefined : { value };
  }
  return undefined;
}

function setAt(root: Root, path: ConfigPath, value: unknown): void {
  const last = path.at(-1);
  if (last === undefined) {
    root.value = value;
    return;
  }
  const parent = valueAt(root.value, path.slice(0, -1));
  if (typeof parent === 'object' && parent !== null && Object.hasOwn(parent, last)) Reflect.set(parent, last, value);
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = Reflect.get(current, step);
  }
  return current;
}

function removeUnknownKeys(root: Root, issues: readonly FlatIssue[]): boolean {
  const unknown = issues.filter((issue) => issue.code === 'unrecognized_keys');
  for (const { path, keys } of unknown) {
    const parent = valueAt(root.value, path);
    if (typeof parent === 'object' && parent !== null) for (const key of keys) Reflect.deleteProperty(parent, key);
  }
  return unknown.length > 0;
}

function problemsOf(issue: FlatIssue, schema: z.ZodType, part: Part): readonly ConfigProblem[] {
  const { path } = issue;
  const place = (below: ConfigPath, message: string, what: 'key' | 'value'): ConfigProblem => ({
    path: [...part.path, ...below],
    message,
    origin: originAt(part.node, part.key, below, what),
  });
  if (issue.code === 'unrecognized_keys') {
    const around = path.reduce<z.core.$ZodType | undefined>((at, step) => at && childSchema(at, step), schema);
    const known = around === undefined ? [] : keysOf(around);
    return issue.keys.map((key) => place([...path, key], `unknown key${unknownKeyHint(key, known)}`, 'key'));
  }
  return [place(path, withoutSecret(issue, schema), 'value')];
}

/** A value in the wrong form may be a secret all the same: `headers: "authorization: Bearer …"`. */
function withoutSecret({ message, input, path }: FlatIssue, schema: z.core.$ZodType): string {
  if (typeof input !== 'string') return message;
  const around = path.reduce<z.core.$ZodType | undefined>((at, step) => at && childSchema(at, step), schema);
  return around !== undefined && holdsSecret(around) ? message.replace(describeValue(input), 'a text') : message;
}

function holdsSecret(schema: z.core.$ZodType): boolean {
  const shape = shapeOf(schema);
  if (shape.configType === 'secret') return true;
  switch (shape.kind) {
    case 'object':
      return Object.values(shape.fields).some(holdsSecret);
    case 'record':
      return holdsSecret(shape.value);
    case 'list':
      return holdsSecret(shape.item);
    case 'union':
      return shape.options.some(holdsSecret);
    case 'leaf':
      return false;
    default:
      return shape satisfies never;
  }
}

/** What may stand instead of an unknown key. */
export function unknownKeyHint(key: string, known: readonly string[]): string {
  const near = didYouMean(key, known);
  if (near !== '') return near;
  return known.length === 0 ? '; it takes no keys' : `; valid keys are ${[...known].sort().join(', ')}`;
}

/** A number without a unit is nanoseconds in the Collector, which hardly anybody means. */
function bareDurations(
  schema: z.core.$ZodType,
  input: unknown,
  part: Part,
  below: ConfigPath = [],
): readonly ConfigProblem[] {
  if (typeof input === 'number') {
    if (shapeOf(schema).configType !== 'duration' || input === 0) return [];
    const message = `${input} has no unit and is taken as ${input} nanoseconds; write ${input}ns, or ${input}s for seconds`;
    return [{ path: [...part.path, ...below], message, origin: originAt(part.node, part.key, below, 'value') }];
  }
  if (typeof input !== 'object' || input === null) return [];
  const steps: readonly (readonly [string | number, unknown])[] = Array.isArray(input)
    ? [...input.entries()]
    : Object.entries(input);
  return steps.flatMap(([step, value]) => {
    const child = childSchema(schema, step);
    return child === undefined ? [] : bareDurations(child, value, part, [...below, step]);
  });
}
