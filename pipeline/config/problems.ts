import type { ConfigNode, ConfigPath, ConfigProblem, Origin } from './types.ts';

/** A configuration that cannot be used. Holds every problem that was found; the message has one line for each of the first 200. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const sorted = sortProblems(problems);
    const more = sorted.length > MAX_LINES ? [`… and ${sorted.length - MAX_LINES} more problems`] : [];
    super([...sorted.slice(0, MAX_LINES).map(formatProblem), ...more].join('\n'), options);
    this.problems = sorted;
  }
}

/** `file:line:column: path: message`; what is unknown is left out. */
export function formatProblem({ origin, path, message }: ConfigProblem): string {
  const via = origin?.via === undefined ? '' : ` (from ${origin.via})`;
  return [origin && formatOrigin(origin), formatPath(path), `${message}${via}`]
    .filter((part) => part !== undefined && part !== '')
    .join(': ');
}

export function formatOrigin({ source, line, column }: Origin): string {
  return line === 0 ? source.label : `${source.label}:${line}:${column}`;
}

/** `service::pipelines::metrics::receivers[0]`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '::'}${step}`;
  }
  return text;
}

/** In the order of the sources and of their text; without duplicates. What has no place comes last. */
export function sortProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const distinct = [...new Map(problems.map((problem) => [formatProblem(problem), problem])).values()];
  return distinct.sort((a, b) => compareOrigins(a.origin, b.origin));
}

function compareOrigins(a: Origin | undefined, b: Origin | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return a.source.order - b.source.order || a.line - b.line || a.column - b.column;
}

/** What a node is, in words. */
export function kindOf(node: ConfigNode): string {
  return node.kind === 'scalar' ? describeValue(node.value) : `a ${node.kind}`;
}

/** A value of JavaScript in words: `5`, `"x"`, `a list`. Long texts are cut. */
export function describeValue(value: unknown): string {
  if (value === null) return 'nothing';
  if (typeof value === 'string')
    return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a map';
  return String(value);
}

const MAX_LINES = 200;
const MAX_SHOWN = 60;
