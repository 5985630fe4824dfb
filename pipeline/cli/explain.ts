import type { ViewAddress } from '../../sdk/agent.ts';
import type { Explanation } from '../../sdk/explain.ts';
import { askAgent } from '../admin/client.ts';
import { PipelineError } from '../errors.ts';
import type { Arguments } from './arguments.ts';
import { explainText } from './explain-text.ts';
import { parseSelector } from './selector.ts';

/** What one component answers. */
export interface ExplainedPart extends Explanation {
  readonly kind: ViewAddress['kind'];
  readonly id: string;
}

/**
 * Prints where a running agent's numbers of a metric come from, component by component, or why they are absent. Resolves to 0,
 * or to 2 when no component shows a series of it.
 */
export async function explain({
  admin,
  format,
  subject,
}: Pick<Arguments, 'admin' | 'format' | 'subject'>): Promise<number> {
  const components = await askForExplanation(admin, subject);
  process.stdout.write(
    format === 'json' ? `${JSON.stringify({ subject, components }, undefined, 2)}\n` : explainText(subject, components),
  );
  return components.some(({ series }) => series.length > 0) ? 0 : NOTHING_THERE;
}

/** The answers of the components that know the metric. Throws a PipelineError for what is no selector, and when nobody answers. */
export async function askForExplanation(admin: string, subject: string): Promise<readonly ExplainedPart[]> {
  const selector = parseSelector(subject);
  if (selector === undefined) {
    throw new PipelineError(
      'usage',
      `invalid argument ${JSON.stringify(subject)}: write a metric's name, or name{label="value",…}`,
    );
  }
  const { views } = (await askAgent(admin, '/v1/views')) as { readonly views: readonly ViewAddress[] };
  const parts: ExplainedPart[] = [];
  for (const { kind, id, pipeline } of inOrder(views.filter(({ name }) => name === 'explain'))) {
    const query = new URLSearchParams({
      metric: selector.metric,
      names: JSON.stringify([...new Set(parts.flatMap(({ names }) => names))]),
      labels: JSON.stringify(selector.labels),
      ...(pipeline !== undefined && { pipeline }),
    });
    const path = `/v1/views/${kind}/${encodeURIComponent(id)}/explain?${query}`;
    parts.push({ kind, id, ...((await askAgent(admin, path)) as Explanation) });
  }
  return parts.filter(({ known }) => known);
}

const NOTHING_THERE = 2;
/** As the data goes: who comes later hears the names that those before have told. */
function inOrder(views: readonly ViewAddress[]): readonly ViewAddress[] {
  return views.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

const ORDER: readonly ViewAddress['kind'][] = [
  'receiver',
  'connector',
  'processor',
  'exporter',
  'extension',
  'service',
];
