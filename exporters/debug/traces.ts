import { columnValue, type DictionaryColumn, type LogFields, type SpanBatch } from 'bpflow/sdk';
import { assignments, hexId, Lines, type Pair, resourceHeading, scopeHeading, timeText } from './text.ts';

export function spanCounts(batch: SpanBatch): LogFields {
  return { 'resource spans': new Set(batch.resource).size, spans: batch.length };
}

export function describeSpans(batch: SpanBatch, detailed: boolean): string {
  const lines = new Lines();
  let resource = -1;
  let scope = -1;
  for (let row = 0; row < batch.length; row++) {
    const newResource = batch.resource[row] !== resource;
    if (newResource) {
      resource = batch.resource[row]!;
      const title = detailed ? `ResourceSpans #${resource}` : `ResourceTraces #${resource}`;
      if (detailed) lines.resource(title, batch.resources[resource]!);
      else lines.add(resourceHeading(title, batch.resources[resource]!));
    }
    if (newResource || batch.scope[row] !== scope) {
      scope = batch.scope[row]!;
      if (detailed) lines.scope(`ScopeSpans #${scope}`, 'ScopeSpans', batch.scopes[scope]!);
      else lines.add(scopeHeading(`ScopeTraces #${scope}`, batch.scopes[scope]!));
    }
    if (detailed) describeSpan(lines, batch, row);
    else {
      const ids = [hexId(batch.traceIds, row, 16), hexId(batch.spanIds, row, 8)];
      lines.add([word(batch.name, row), ...ids, ...assignments(spanAttributes(batch, row))].join(' '));
    }
  }
  return lines.toString();
}

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'];
const STATUSES = ['Unset', 'Ok', 'Error'];

function describeSpan(lines: Lines, batch: SpanBatch, row: number): void {
  const field = (name: string, value: string): void => lines.add(`    ${name.padEnd(15)}: ${value}`);
  lines.add(`Span #${row}`);
  field('Trace ID', hexId(batch.traceIds, row, 16));
  field('Parent ID', hexId(batch.parentSpanIds, row, 8));
  field('ID', hexId(batch.spanIds, row, 8));
  field('Name', word(batch.name, row));
  field('Kind', KINDS[batch.kind[row]!] ?? 'Unspecified');
  const state = word(batch.traceState, row);
  if (state !== '') field('TraceState', state);
  field('Start time', timeText(batch.startTime[row]!));
  field('End time', timeText(batch.endTime[row]!));
  field('Status code', STATUSES[batch.statusCode[row]!] ?? 'Unset');
  field('Status message', word(batch.statusMessage, row));
  lines.attributes('Attributes', spanAttributes(batch, row));
  describeEvents(lines, batch, row);
  describeLinks(lines, batch, row);
}

function describeEvents(lines: Lines, { events }: SpanBatch, row: number): void {
  let shown = 0;
  for (let e = 0; e < events.span.length; e++) {
    if (events.span[e] !== row) continue;
    if (shown === 0) lines.add('Events:');
    lines.add(`SpanEvent #${shown++}`);
    lines.add(`     -> Name: ${word(events.name, e)}`);
    lines.add(`     -> Timestamp: ${timeText(events.time[e]!)}`);
    lines.attributes('-> Attributes', events.attributes[e]!, '     ');
  }
}

function describeLinks(lines: Lines, { links }: SpanBatch, row: number): void {
  let shown = 0;
  for (let l = 0; l < links.span.length; l++) {
    if (links.span[l] !== row) continue;
    if (shown === 0) lines.add('Links:');
    lines.add(`SpanLink #${shown++}`);
    lines.add(`     -> Trace ID: ${hexId(links.traceIds, l, 16)}`);
    lines.add(`     -> ID: ${hexId(links.spanIds, l, 8)}`);
    lines.add(`     -> TraceState: ${word(links.traceState, l)}`);
    lines.attributes('-> Attributes', links.attributes[l]!, '     ');
  }
}

function spanAttributes(batch: SpanBatch, row: number): Pair[] {
  const pairs: Pair[] = [];
  for (const [key, column] of batch.attributes) {
    const value = columnValue(column, row);
    if (value !== undefined) pairs.push([key, value]);
  }
  return pairs;
}

function word({ codes, words }: DictionaryColumn, row: number): string {
  return words[codes[row]!] ?? '';
}
