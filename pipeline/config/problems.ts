import type { ConfigNode, ConfigPath, ConfigProblem, Origin } from './types.ts';

/** A configuration that cannot be used. Holds every problem that was found; the message has one line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const sorted = sortProblems(problems);
    super(sorted.map(formatProblem).join('\n'), options);
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

/** What a value is, in words. */
export function kindOf(node: ConfigNode): string {
  if (node.kind !== 'scalar') return `a ${node.kind}`;
  return node.value === null ? 'nothing' : describeValue(node.value);
}

/** A value of JavaScript in words: `the number 5`, `the text "x"`. Long texts are cut. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `the text ${JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value)}`;
    case 'number':
      return `the number ${value}`;
    case 'boolean':
      return `${value}`;
    case 'object':
      if (value === null) return 'nothing';
      return Array.isArray(value) ? 'a list' : 'a map';
    default:
      return typeof value;
  }
}

const MAX_SHOWN = 60;
