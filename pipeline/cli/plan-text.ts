import type { ComponentPlan, PlannedMetric } from '../../sdk/plan.ts';
import type { PlannedPart } from './plan.ts';
import { table } from './table.ts';

/** The plans for people: checks, metrics, programs, memory, rights. */
export function planText(components: readonly PlannedPart[]): string {
  if (components.length === 0) return 'No component of this configuration has anything to plan.\n';
  return components.map(partText).join('\n');
}

function partText(part: PlannedPart): string {
  return [
    `${part.kind} ${part.id}`,
    ...section('Checks', checkLines(part)),
    ...section('Metrics', metricLines(part)),
    ...section('Programs', programLines(part)),
    ...section(memoryTitle(part), memoryLines(part)),
    ...section('Rights', needLines(part)),
    '',
    part.method,
    '',
  ].join('\n');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function checkLines({ checks }: ComponentPlan): readonly string[] {
  return table(checks.map(({ name, ok, found, advice }) => [ok ? 'ok' : 'no', name, found, advice]));
}

function metricLines({ metrics }: ComponentPlan): readonly string[] {
  if (metrics.length === 0) return [];
  const rows = metrics.map((metric, i) => [
    metric.seedName,
    metric.state,
    metric.costNs === undefined ? '' : `${metric.costNs} ns`,
    i > 0 && isLong(metric) && why(metric) === why(metrics[i - 1]!) ? 'as above' : why(metric),
  ]);
  return table([['name', 'state', 'each', 'by'], ...rows], new Set([2]));
}

/** Reasons and sources longer than this are told once where several metrics in a row have them. */
const LONG = 40;

function isLong({ reason, from = '' }: PlannedMetric): boolean {
  return reason.length > LONG || from.length > LONG;
}

function why({ state, reason, programs, from }: PlannedMetric): string {
  const by = [...programs, ...(from === undefined ? [] : [from])].join(', ');
  return state === 'exact' ? by : [by, reason].filter((text) => text !== '').join('; ');
}

function programLines({ programs }: ComponentPlan): readonly string[] {
  return programs.flatMap((program) => {
    const { below, costNs, runsMeasured, needs } = program;
    const cost = costNs === undefined ? 'did not run' : `${costNs} ns a run, ${runsMeasured} runs`;
    const told =
      program.state === 'attached'
        ? [cost, below.length > 0 ? `then ${below.join(', ')}` : 'nothing below', `needs ${needs.join(', ')}`]
        : [`${program.state}: ${program.reason}`, program.without];
    return [`${program.program}: ${program.hook}`, `  ${told.join('; ')}`];
  });
}

function memoryTitle({ memory, cpus }: ComponentPlan): string {
  const total = memory.reduce((sum, { bytes }) => sum + bytes, 0);
  return `Memory: ${mib(total)}${cpus === undefined ? '' : ` on ${cpus} CPUs`}`;
}

function memoryLines({ memory }: ComponentPlan): readonly string[] {
  const rows = [...memory]
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ name, type, entries, bytes, grows }) => [name, type, String(entries), mib(bytes), grows]);
  return rows.length === 0 ? [] : table([['map', 'type', 'entries', 'memory'], ...rows], new Set([2, 3]));
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 3 : 1)} MiB`;
}

function needLines({ needs }: ComponentPlan): readonly string[] {
  return needs.flatMap(({ feature, capabilities, namespaces, met, without, given }) => {
    const wanted = [...capabilities, ...namespaces.map((namespace) => `the host's ${namespace} namespace`)].join(', ');
    return [
      `${met ? 'ok' : 'no'}  ${feature}: ${wanted || 'nothing'}${met ? '' : `. ${without}`}`,
      ...Object.entries(given).map(([way, how]) => `      ${way}: ${how}`),
    ];
  });
}
