import type { FileResult, KernelResults, MetricResult } from './results.ts';

const INTRO = `# Kernels

Which metric is exact on which kernel, by which kind of hook, and how the tests with ground truth ended there. Written by
\`npm run test:kernels\` from what it found (\`test/kernels/results\`), and by \`npm run generate\`; do not edit it. The kernels are
Debian's, booted in QEMU with an emulated processor, x86-64 or arm64. What your machine has says \`bpflow plan\`.
`;

const METRICS = `## Metrics

What the receiver says of each with everything switched on and attached there; which tests compared it with the truth on that
kernel stands under Tests. *exact*: equal to the truth, call by call and byte by byte. *marked*: counted, and what may be missing or estimated
stands in the metric's description and, where counts may be missing, in its name. *absent*: the kernel lacks what it needs; nothing
else stops. In brackets the hooks.
`;

const EVENTS = `## Events

Events are exact in this sense on every way: received + dropped = offered (\`bpflow_ebpf_events\`, \`bpflow_ebpf_events_offered\`).
Where a task may be preempted in a tracepoint (Linux 7), a program that is at a \`tp_btf\` or \`raw_tp\` may be left out meanwhile,
which \`bpflow_ebpf_recursion_misses\` counts; at a \`tracepoint\` it is not.
`;

const TESTS = `## Tests

Files of \`test/kernel\`: tests that passed, were left out (with the reason), or failed.
`;

/** What there is to be run. */
export interface Matter {
  /** Of all metrics. */
  readonly names: readonly string[];
  /** Of test/kernel. */
  readonly files: readonly string[];
}

/** The page `docs/reference/kernels.md`. `kernels`: the oldest first. */
export function kernelsPage(kernels: readonly KernelResults[], { names, files: all }: Matter): string {
  const notes = new Notes();
  const releases = kernels.map(({ release }) => release);
  const metrics = names.map((name) => [
    `\`${name}\``,
    ...kernels.map(({ metrics: all }) =>
      metricCell(
        all.find((metric) => metric.name === name),
        notes,
      ),
    ),
  ]);
  const events = namesOf(kernels, (each) => each.events.map(({ role }) => role)).map((role) => [
    `\`${role}\``,
    ...kernels.map(({ events: all }) => {
      const found = all.find((event) => event.role === role);
      if (found === undefined) return 'not run';
      return found.rung === '' ? `absent ${notes.of(found.reason)}` : `${found.rung}`;
    }),
  ]);
  const files = all.map((file) => [`\`${file}\``, ...kernels.map((each) => fileCell(each.files[file], notes))]);
  return [
    INTRO,
    METRICS,
    table(['metric', ...releases], metrics),
    EVENTS,
    table(['program', ...releases], events),
    TESTS,
    table(['file', ...releases], files),
    '## Notes\n',
    notes.list(),
  ].join('\n');
}

function metricCell(metric: MetricResult | undefined, notes: Notes): string {
  if (metric === undefined) return 'not run';
  const { state, reason, rungs } = metric;
  const hooks = rungs.length === 0 ? '' : ` (${rungs.join(', ')})`;
  if (state === 'exact') return `exact${hooks}`;
  return state === 'inexact' ? `marked ${notes.of(reason)}${hooks}` : `${state} ${notes.of(reason)}`;
}

function fileCell(file: FileResult | undefined, notes: Notes): string {
  if (file === undefined) return 'not run';
  const left = Object.entries(file.skipped).map(([reason, count]) => `${count} left out ${notes.of(reason)}`);
  const failed =
    file.failed.length === 0 ? [] : [`**${file.failed.length} failed** ${notes.of(file.failed.join('; '))}`];
  return [`${file.passed} passed`, ...left, ...failed].join(', ');
}

function namesOf(kernels: readonly KernelResults[], names: (each: KernelResults) => readonly string[]): string[] {
  return [...new Set(kernels.flatMap(names))];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}

/** Reasons, each told once. */
class Notes {
  readonly #texts: string[] = [];

  of(text: string): string {
    if (!this.#texts.includes(text)) this.#texts.push(text);
    return `[${this.#texts.indexOf(text) + 1}]`;
  }

  list(): string {
    return this.#texts.map((text, i) => `${i + 1}. ${text.replaceAll('|', '\\|')}\n`).join('');
  }
}
