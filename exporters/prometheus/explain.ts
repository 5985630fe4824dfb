import { Buffer } from 'node:buffer';
import { type PageStore, TextWriter, writePage } from 'bpflow/prometheus';
import { type ExplainedSeries, type ExplainQuery, type Explanation, underscoreEscape } from 'bpflow/sdk';

/** Lines that are told at most. */
const MOST_LINES = 20;
const TEXT = { openMetrics: false, protobuf: false, utf8: false };
const FIRST_BYTES = 65_536;

/** The lines of a metric on the page as it is now; of a histogram those of count and sum. */
export function explainPage(store: PageStore, { metric, names, labels }: ExplainQuery): Explanation {
  const asked = new Set([metric, ...names].flatMap(pageNames));
  const family = store.families.find(({ description }) => asked.has(description.name));
  if (family === undefined) {
    const leftOut = [...store.leftOut.values()].find((each) => each.metric === metric || names.includes(each.metric));
    const reason = leftOut === undefined ? '' : `It is left out of the page: ${leftOut.reason}.`;
    return { known: leftOut !== undefined, reason, names: [], facts: [], series: [], more: 0 };
  }
  const { name, type, help } = family.description;
  const isHistogram = type === 'histogram';
  const lineNames = new Set(isHistogram ? [`${name}_count`, `${name}_sum`] : [name]);
  const lines = linesOf(store).filter(
    (line) => lineNames.has(/^[\w:]+/.exec(line)?.[0] ?? '') && matches(line, labels),
  );
  const series = lines.slice(0, MOST_LINES).map((line): ExplainedSeries => {
    const end = line.lastIndexOf('} ') + 1 || line.indexOf(' ');
    return { series: line.slice(0, end), facts: [['exported', line.slice(end + 1)]] };
  });
  const facts = [['page', `${name}, ${type}: ${help}`]] as const;
  return { known: true, reason: '', names: [name], facts, series, more: lines.length - series.length };
}

/** A name, and what it is without the endings that lines have. */
function pageNames(name: string): readonly string[] {
  const escaped = underscoreEscape(name);
  return [escaped, `${escaped}_total`, escaped.replace(/_(bucket|sum|count|total)$/, '')];
}

function linesOf(store: PageStore): readonly string[] {
  const out = new TextWriter(Buffer.alloc(FIRST_BYTES));
  writePage(store, TEXT, out);
  return out.buffer.toString('utf8', 0, out.length).split('\n');
}

function matches(line: string, labels: ExplainQuery['labels']): boolean {
  const found = new Map<string, string>();
  for (const [, name, value] of line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    found.set(
      name!,
      value!.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character)),
    );
  }
  return Object.entries(labels).every(([name, value]) => found.get(name) === value);
}
