import { type LogBatch, type LogFields, type LogRecord, logRecord } from 'bpflow/sdk';
import { assignments, Lines, plainText, resourceHeading, scopeHeading, timeText, typedText } from './text.ts';

export function logCounts(batch: LogBatch): LogFields {
  return { 'resource logs': new Set(batch.resource).size, 'log records': batch.length };
}

export function describeLogs(batch: LogBatch, detailed: boolean): string {
  const lines = new Lines();
  const resources = new Map<number, Map<number, number[]>>();
  for (let row = 0; row < batch.length; row++) {
    const scopes = resources.get(batch.resource[row]!) ?? new Map<number, number[]>();
    resources.set(batch.resource[row]!, scopes);
    const rows = scopes.get(batch.scope[row]!) ?? [];
    scopes.set(batch.scope[row]!, rows);
    rows.push(row);
  }
  for (const [r, [resource, scopes]] of [...resources].entries()) {
    if (detailed) lines.resource(`ResourceLog #${r}`, batch.resources[resource]!);
    else lines.add(resourceHeading(`ResourceLog #${r}`, batch.resources[resource]!));
    for (const [s, [scope, rows]] of [...scopes].entries()) {
      if (detailed) lines.scope(`ScopeLogs #${s}`, 'ScopeLogs', batch.scopes[scope]!);
      else lines.add(scopeHeading(`ScopeLog #${s}`, batch.scopes[scope]!));
      for (const [i, row] of rows.entries()) {
        const record = logRecord(batch, row);
        if (detailed) describeRecord(lines, record, i);
        else lines.add([plainText(record.body), ...assignments(record.attributes)].join(' '));
      }
    }
  }
  return lines.toString();
}

function describeRecord(lines: Lines, record: LogRecord, index: number): void {
  lines.add(`LogRecord #${index}`);
  lines.add(`ObservedTimestamp: ${timeText(record.observedTime)}`);
  lines.add(`Timestamp: ${timeText(record.time)}`);
  lines.add(`SeverityText: ${record.severityText}`);
  lines.add(`SeverityNumber: ${severityName(record.severity)}(${record.severity})`);
  if (record.eventName !== '') lines.add(`EventName: ${record.eventName}`);
  lines.add(`Body: ${typedText(record.body)}`);
  lines.attributes('Attributes', record.attributes);
  if (record.droppedAttributes > 0) lines.add(`DroppedAttributesCount: ${record.droppedAttributes}`);
  lines.add(`Trace ID: ${record.traceId}`);
  lines.add(`Span ID: ${record.spanId}`);
  lines.add(`Flags: ${record.flags}`);
}

/** `Info` for 9, `Info2` for 10. */
function severityName(severity: number): string {
  if (severity < 1 || severity > 24) return 'Unspecified';
  const name = ['Trace', 'Debug', 'Info', 'Warn', 'Error', 'Fatal'][Math.floor((severity - 1) / 4)]!;
  const step = (severity - 1) % 4;
  return step === 0 ? name : `${name}${step + 1}`;
}
