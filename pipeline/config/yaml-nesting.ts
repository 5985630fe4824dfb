import type { CST } from 'yaml';
import type { ConfigProblem, Origin } from './types.ts';

/** The place where a document is nested more than 200 levels deep. Composing deeper ones could exhaust the stack. */
export function nestingProblem(
  tokens: readonly CST.Token[],
  at: (offset: number) => Origin,
): ConfigProblem | undefined {
  const waiting = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH) {
      return { path: [], message: `values are nested more than ${MAX_DEPTH} levels deep`, origin: at(token.offset) };
    }
    for (const child of childrenOf(token)) if (child) waiting.push({ token: child, depth: depth + 1 });
  }
  return undefined;
}

const MAX_DEPTH = 200;

function childrenOf(token: CST.Token): readonly (CST.Token | null | undefined)[] {
  switch (token.type) {
    case 'document':
      return [token.value];
    case 'block-map':
    case 'flow-collection':
      return token.items.flatMap(({ key, value }) => [key, value]);
    case 'block-seq':
      return token.items.map(({ value }) => value);
    default:
      return [];
  }
}
