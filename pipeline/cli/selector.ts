import type { ExplainQuery } from '../../sdk/explain.ts';

/** Reads `name` or `name{label="value",…}`, values with the escapes of PromQL; undefined when it is neither. */
export function parseSelector(text: string): Omit<ExplainQuery, 'names'> | undefined {
  const [, metric, , body = ''] = /^\s*([A-Za-z_:][\w:.]*)\s*(\{(.*)\})?\s*$/s.exec(text) ?? [];
  if (metric === undefined) return undefined;
  const labels: Record<string, string> = {};
  let rest = body.trim();
  while (rest !== '') {
    const found = /^([\w.]+)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,\s*|$)/s.exec(rest);
    if (found === null) return undefined;
    labels[found[1]!] = found[2]!.replace(/\\(.)/gs, (_, character: string) => (character === 'n' ? '\n' : character));
    rest = rest.slice(found[0].length);
  }
  return { metric, labels };
}
