import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogBatch } from '../../pdata/logs.ts';
import type { Exporter, ExporterSpec } from '../component.ts';
import { type FakeScope, fakeScope } from './fake-scope.ts';
import { sampleBatch } from './sample-batches.ts';

const NEVER = new AbortController().signal;

/** A batch of three log records that came as these bytes. */
export function encodedLogs(...parts: Uint8Array[]): LogBatch {
  const batch = { ...sampleBatch('logs') };
  const value = { parts, items: 3, plain: () => batch };
  return Object.defineProperty(batch, Symbol.for('bpflow:encoded'), { value });
}

/** An exporter of logs outside any agent, sending to a server of the test. */
export class RunningExporter {
  readonly scope: FakeScope;
  readonly exporter: Exporter;

  constructor(spec: ExporterSpec, config: unknown, scope = fakeScope('exporter', spec.type)) {
    this.scope = scope;
    this.exporter = spec.create(spec.config.parse(config), scope, { pullable: false, collect: async () => 'fresh' });
  }

  async start(): Promise<this> {
    await this.exporter.start?.();
    return this;
  }

  give(batch: LogBatch): void | Promise<void> {
    return this.exporter.consume.logs!(batch, NEVER);
  }

  /** Waits for what the network does, while the component's own time stands still. */
  async until(done: () => boolean, what: string): Promise<void> {
    for (let i = 0; i < 500 && !done(); i++) await sleep(10);
    assert.ok(done(), `${what}; logs: ${JSON.stringify(this.scope.logs)}`);
  }

  /** Records that were delivered. */
  get sent(): number {
    return this.exporter.outcomes!().get('logs')!.sent;
  }

  /** The error of the first line of the log. */
  get error(): string {
    return String(this.scope.logs[0]?.fields?.['error']);
  }
}
