import type { ComponentHealth } from '../../sdk/agent.ts';
import type { RunningAgent } from '../agent.ts';

/** What a person at a terminal is told once the agent runs: what it collects, what it cannot and why, where to look. */
export function summary(agent: Pick<RunningAgent, 'name' | 'version' | 'pages' | 'adminPath' | 'health'>): string {
  const health = agent.health();
  const sources = health.filter(({ id }) => id.kind === 'receiver');
  const sinks = health.filter(({ id }) => id.kind === 'exporter');
  const troubled = health.filter(
    (component) => !sources.includes(component) && !sinks.includes(component) && component.state !== 'ok',
  );
  const links = [
    ...agent.pages.map((page) => `  the agent itself: ${page}`),
    ...(agent.adminPath === undefined ? [] : [`  admin socket: ${agent.adminPath}`]),
  ];
  return [
    '',
    `${agent.name} ${agent.version} is running (pid ${process.pid}).`,
    ...section('It collects', sources),
    ...section('Not as it should be', troubled),
    ...section('Look here', sinks, links),
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}

function section(
  title: string,
  components: readonly ComponentHealth[],
  more: readonly string[] = [],
): readonly string[] {
  const lines = [...components.flatMap(lineOf), ...more];
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines];
}

function lineOf({ id, state, summary, details = [] }: ComponentHealth): readonly string[] {
  const name = id.kind === 'receiver' || id.kind === 'exporter' ? String(id) : `${id.kind} ${id}`;
  return [`  ${MARK[state]} ${name}: ${summary}`, ...details.map((detail) => `      ${detail}`)];
}

const MARK: Readonly<Record<ComponentHealth['state'], string>> = {
  starting: '…',
  ok: '✓',
  degraded: '!',
  unavailable: '✗',
  stopped: '–',
};
