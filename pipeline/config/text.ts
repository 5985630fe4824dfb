import type { Node } from './node.ts';

/** References that refer to references may go this deep. */
export const PROBLEM_DEPTH = 32;

/** A scalar as it would be written; undefined for maps and lists. */
export function asText(node: Node): string | undefined {
  if (node.kind !== 'scalar') return undefined;
  return node.text ?? (node.value === null ? '' : String(node.value));
}
