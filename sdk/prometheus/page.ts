import { escapeHelp, escapeLabelValue } from 'bpflow/sdk';
import type { Family } from './family.ts';
import { writeMessages } from './page-messages.ts';
import type { PageStore } from './page-store.ts';
import { byteString, NUMBER_BYTES, type TextWriter } from './text-writer.ts';
import { lineStarts, quoted, type View, viewKey } from './values.ts';

/** Writes the whole page: families by name, series by labels, each with its last value. */
export function writePage(store: PageStore, view: View, out: TextWriter): void {
  if (view.protobuf) {
    writeMessages(store, view, out);
    return;
  }
  let targetInfo = store.showsTargets ? store.targetInfoName : undefined;
  for (const family of store.families) {
    if (targetInfo !== undefined && targetInfo < family.description.name) {
      writeTargets(store, targetInfo, view, out);
      targetInfo = undefined;
    }
    writeFamily(family, view, out);
  }
  if (targetInfo !== undefined) writeTargets(store, targetInfo, view, out);
  if (view.openMetrics) {
    out.reserve(6);
    out.text('# EOF\n');
  }
}

function writeFamily(family: Family, view: View, out: TextWriter): void {
  const { type, help } = family.description;
  const name = (view.utf8 ? family.description.utf8Name : undefined) ?? family.description.name;
  const starts = family.starts(viewKey(view), () => lineStarts(name, view, type === 'counter'));
  const titled = type === 'counter' && view.openMetrics ? name.replace(/_total$/, '') : name;
  writeHead(out, titled, type, help, view);
  family.write(out, starts);
}

function writeTargets(store: PageStore, name: string, view: View, out: TextWriter): void {
  const targets = store.targets.list();
  if (targets.length === 0) return;
  writeHead(out, name, 'gauge', 'Target metadata', view);
  for (const { labels } of targets) {
    const text = (view.utf8 ? labels.utf8 : undefined) ?? labels.text;
    out.reserve(name.length + text.length + NUMBER_BYTES);
    out.line(`${name}{${text}} 1`);
  }
}

function writeHead(out: TextWriter, name: string, type: string, help: string, view: View): void {
  const shown = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : quoted(name);
  const text = byteString(view.openMetrics ? escapeLabelValue(help) : escapeHelp(help));
  out.reserve(2 * shown.length + text.length + 64);
  out.line(`# HELP ${shown} ${text}`);
  out.line(`# TYPE ${shown} ${type}`);
}
