import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { withoutPasswords } from '../redact.ts';

export type LogEncoding = 'console' | 'json';

/**
 * One log record as a line, ended by a line feed. `console`: time, level, component, message and fields as JSON,
 * separated by tabs, as the Collector writes them; a line break inside the message is escaped. `json`: one object.
 */
export function formatRecord(record: ReadableLogRecord, encoding: LogEncoding): string {
  const time = isoTime(record.hrTime);
  const level = record.severityText ?? 'info';
  const component = record.instrumentationScope.name;
  const message = typeof record.body === 'string' ? record.body : JSON.stringify(record.body);
  const hasFields = Object.keys(record.attributes).length > 0;
  if (encoding === 'json') {
    return withoutPasswords(
      `${JSON.stringify({ ts: time, level, logger: component, msg: message, ...record.attributes })}\n`,
    );
  }
  const fields = hasFields ? `\t${JSON.stringify(record.attributes)}` : '';
  return withoutPasswords(`${time}\t${level}\t${component}\t${oneLine(message)}${fields}\n`);
}

function isoTime([seconds, nanoseconds]: readonly [number, number]): string {
  return new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6)).toISOString();
}

/** Without control characters, so that no message can forge a line or steer a terminal. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replace(/[\u0000-\u001f\u007f]/g, (c) => JSON.stringify(c).slice(1, -1));
}
