import type { z } from 'zod';
import { expectation, UNEXPLAINED } from './explain.ts';
import { describeValue } from './problems.ts';
import type { ConfigPath } from './types.ts';

/** An issue of zod with the whole path and a message of ours. Unions are taken apart. */
export type FlatIssue =
  Exclude<z.core.$ZodIssue, { readonly code: 'invalid_union' | 'invalid_key' | 'invalid_element' }> extends infer I
    ? I extends z.core.$ZodIssue
      ? Omit<I, 'path'> & { readonly path: ConfigPath }
      : never
    : never;

export function flattenIssues(issues: readonly z.core.$ZodIssue[], base: ConfigPath = []): readonly FlatIssue[] {
  return issues.flatMap((issue) => flatten(issue, [...base, ...(issue.path as ConfigPath)]));
}

function flatten(issue: z.core.$ZodIssue, path: ConfigPath): readonly FlatIssue[] {
  switch (issue.code) {
    case 'invalid_union':
      return issue.message === UNEXPLAINED ? flattenUnion(issue, path) : [custom(issue.message, path, issue.input)];
    case 'invalid_key':
    case 'invalid_element': {
      const [first] = flattenIssues(issue.issues);
      return [custom(first?.message ?? 'this key is not valid', path, issue.input)];
    }
    default:
      return [{ ...issue, path } as FlatIssue];
  }
}

/** The issues of the option that was meant: the one that takes this kind of value at all, with the fewest issues. */
function flattenUnion(issue: z.core.$ZodIssueInvalidUnion, path: ConfigPath): readonly FlatIssue[] {
  const options = issue.errors.map((errors) => flattenIssues(errors, path));
  const inside = options.filter((errors) => !errors.some((error) => isMismatch(error, path)));
  const [best] = inside.sort((a, b) => a.length - b.length);
  if (best !== undefined) return best;
  const wanted = [
    ...new Set(
      options
        .flat()
        .filter((error) => isMismatch(error, path))
        .map(wish),
    ),
  ];
  if (issue.input === undefined) return [custom(`this key is required: ${wanted.join(' or ')}`, path, issue.input)];
  return [custom(`expected ${wanted.join(' or ')}, got ${describeValue(issue.input)}`, path, issue.input)];
}

function isMismatch(issue: FlatIssue, path: ConfigPath): boolean {
  return issue.path.length === path.length && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
}

function wish(issue: FlatIssue): string {
  if (issue.code === 'invalid_type') return expectation(issue.expected);
  return issue.code === 'invalid_value' ? issue.values.map(String).join(', ') : issue.message;
}

function custom(message: string, path: ConfigPath, input: unknown): FlatIssue {
  return { code: 'custom', message, path, input };
}
