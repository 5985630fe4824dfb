import type { ExplainedPart } from './explain.ts';
import { table } from './table.ts';

/** The answers for people: for each component its facts, then each series with its own. */
export function explainText(subject: string, parts: readonly ExplainedPart[]): string {
  if (parts.length === 0) {
    return `No component of this agent knows ${subject}. bpflow plan lists the metrics that there can be.\n`;
  }
  return `${parts.map(partText).join('\n\n')}\n`;
}

function partText({ kind, id, reason, facts, series, more }: ExplainedPart): string {
  return [
    `${kind} ${id}`,
    ...(reason === '' ? [] : [`  ${reason}`]),
    ...factLines(facts, '  '),
    ...series.flatMap((each) => ['', `  ${each.series}`, ...factLines(each.facts, '    ')]),
    ...(more > 0 ? ['', `  … and ${more} more series`] : []),
  ].join('\n');
}

function factLines(facts: readonly (readonly [string, string])[], indent: string): readonly string[] {
  return table(facts).map((line) => `${indent}${line}`);
}
