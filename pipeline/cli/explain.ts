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
  const selector = parseSelector(subject);
  if (selector === undefined) {
    throw new PipelineError(
      'usage',
      `invalid argument ${JSON.stringify(subject)}: write a metric's name, or name{label="value",…}`,
    );
  }
  const { views } = (await askAgent(admin, '/v1/views')) as { readonly views: readonly ViewAddress[] };
  const query = new URLSearchParams({ metric: selector.metric, labels: JSON.stringify(selector.labels) });
  const parts: ExplainedPart[] = [];
  for (const { kind, id, name } of views) {
    if (name !== 'explain') continue;
    const path = `/v1/views/${kind}/${encodeURIComponent(id)}/explain?${query}`;
    parts.push({ kind, id, ...((await askAgent(admin, path)) as Explanation) });
  }
  const known = parts.filter((part) => part.known).sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  process.stdout.write(
    format === 'json'
      ? `${JSON.stringify({ ...selector, components: known }, undefined, 2)}\n`
      : explainText(subject, known),
  );
  return known.some(({ series }) => series.length > 0) ? 0 : NOTHING_THERE;
}

const NOTHING_THERE = 2;
const ORDER: readonly ViewAddress['kind'][] = [
  'receiver',
  'connector',
  'processor',
  'exporter',
  'extension',
  'service',
];
