import { writeSync } from 'node:fs';
import { type Attributes, type Logger as OtelLogger, SeverityNumber } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { LoggerProvider, type LogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { LogFields, Logger } from '../../sdk/scope.ts';
import { formatRecord, type LogEncoding } from './console.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogsOptions {
  readonly level: LogLevel;
  readonly encoding: LogEncoding;
  readonly resource: Resource;
  /** Of every record; its own of the same name go before. */
  readonly initialFields?: LogFields;
  /** Where lines go; standard error by default. */
  readonly outputs?: readonly ('stderr' | 'stdout')[];
  /** Takes whole lines in place of the outputs. */
  readonly write?: (line: string) => void;
}

/** The agent's own logs. */
export interface Logs {
  /** A log whose lines name their origin: `service`, `receiver/otlp`. */
  logger(origin: string): Logger;
  /** The least important records that are written from now on, by all its loggers. */
  setLevel(level: LogLevel): void;
}

/** Logs through OpenTelemetry's SDK to standard error. Nothing is buffered: a line is out when the call returns. */
export function createLogs(options: LogsOptions): Logs {
  const write = options.write ?? writer(options.outputs ?? ['stderr']);
  const toConsole: LogRecordProcessor = {
    onEmit: (record) => write(formatRecord(record, options.encoding)),
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new LoggerProvider({ resource: options.resource, processors: [toConsole] });
  const initial = attributesOf(options.initialFields ?? {});
  let level = options.level;
  return {
    logger: (origin) => leveled(provider.getLogger(origin), () => level, initial),
    setLevel(next) {
      level = next;
    },
  };
}

const SEVERITY: Readonly<Record<LogLevel, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};

function leveled(logger: OtelLogger, level: () => LogLevel, initial: Attributes): Logger {
  const at =
    (own: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (SEVERITY[own] < SEVERITY[level()]) return;
      logger.emit({
        severityNumber: SEVERITY[own],
        severityText: own,
        body: message,
        attributes: fields === undefined ? initial : { ...initial, ...attributesOf(fields) },
      });
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function attributesOf(fields: LogFields): Attributes {
  const attributes: Attributes = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) attributes[key] = plain(value) as Attributes[string];
  }
  return attributes;
}

/** Errors by their message, big integers as text, other objects as JSON would have them. */
function plain(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      break;
    default:
      return String(value);
  }
  if (value === null) return 'null';
  if (value instanceof Error) return value.message;
  try {
    return JSON.parse(JSON.stringify(value, (_, nested) => (typeof nested === 'bigint' ? String(nested) : nested)));
  } catch {
    return String(value);
  }
}

function writer(outputs: readonly ('stderr' | 'stdout')[]): (line: string) => void {
  const files = [...new Set(outputs)].map((output) => (output === 'stderr' ? 2 : 1));
  return (line) => {
    for (const file of files) writeLine(file, line);
  };
}

/** A reader that has gone away must not end the agent, nor one that is slow for a moment lose a line. */
function writeLine(file: number, line: string): void {
  let rest: Uint8Array = Buffer.from(line);
  for (let attempts = 0; rest.length > 0 && attempts < MAX_ATTEMPTS; attempts++) {
    try {
      rest = rest.subarray(writeSync(file, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}

const MAX_ATTEMPTS = 100;
