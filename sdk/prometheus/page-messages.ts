import type { PrometheusType } from 'bpflow/sdk';
import { labelMessages, MessageWriter, varintSize } from './message-writer.ts';
import type { PageStore } from './page-store.ts';
import { byteString, type TextWriter } from './text-writer.ts';
import type { View } from './values.ts';

/** Room for the length of a family, which is known when the family is written. */
const LENGTH_BYTES = 5;

const TYPES: Readonly<Record<PrometheusType, number>> = { counter: 0, gauge: 1, summary: 2, histogram: 4 };

/** Writes the page as `io.prometheus.client.MetricFamily` messages, each behind its length. */
export function writeMessages(store: PageStore, view: View, out: TextWriter): void {
  const messages = new MessageWriter(out);
  const family = (name: string, help: string, type: PrometheusType, write: (family: MessageWriter) => void): void => {
    const start = out.length;
    out.reserve(LENGTH_BYTES);
    out.length += LENGTH_BYTES;
    writeHead(messages, name, help, type);
    write(messages);
    const length = out.length - start - LENGTH_BYTES;
    out.buffer.copyWithin(start + varintSize(length), start + LENGTH_BYTES, out.length);
    out.length = start;
    messages.varint(length);
    out.length += length;
  };
  let targetInfo = store.showsTargets ? store.targetInfoName : undefined;
  const writeTargets = (name: string): void => {
    const targets = store.targets.list();
    if (targets.length > 0)
      family(name, 'Target metadata', 'gauge', (message) => {
        for (const { labels } of targets) {
          const pairs = labelMessages((view.utf8 ? labels.utf8 : undefined) ?? labels.text);
          message.message(4, (metric) => {
            metric.out.reserve(pairs.length);
            metric.out.text(pairs);
            metric.message(2, (gauge) => gauge.double(1, 1));
          });
        }
      });
  };
  for (const each of store.families) {
    const { name, utf8Name, help, type } = each.description;
    if (targetInfo !== undefined && targetInfo < name) {
      writeTargets(targetInfo);
      targetInfo = undefined;
    }
    family((view.utf8 ? utf8Name : undefined) ?? name, help, type, (message) => each.writeMessages(message, view.utf8));
  }
  if (targetInfo !== undefined) writeTargets(targetInfo);
}

/** MetricFamily: 1 name, 2 help, 3 type, 4 metric. */
function writeHead(message: MessageWriter, name: string, help: string, type: PrometheusType): void {
  message.string(1, byteString(name));
  message.string(2, byteString(help));
  message.uint(3, TYPES[type]);
}
