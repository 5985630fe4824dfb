import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach } from 'node:test';
import type { Batch, Exporter, Token } from 'bpflow/sdk';
import { type FakeScope, fakeScope, fakeUpstream } from 'bpflow/testing';
import spec from '../index.ts';

const NEVER = new AbortController().signal;

/** An exporter under test with its scope. */
export interface Running {
  readonly exporter: Exporter;
  readonly scope: FakeScope;
  give(batch: Batch): Promise<void>;
}

/** Services that the exporter finds. */
export type Services = Iterable<readonly [Token<unknown>, unknown]>;

/** A folder of its own, and exporters that are stopped after each test. */
export function workbench(folder = mkdtempSync(join(tmpdir(), 'bpflow-file-'))): {
  readonly folder: string;
  at(name: string): string;
  read(name: string): Buffer;
  list(): string[];
  make(config: object, services?: Services): Running;
  run(config: object, services?: Services): Promise<Running>;
} {
  const running: Exporter[] = [];
  afterEach(async () => {
    for (const exporter of running.splice(0)) await exporter.stop?.();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const make = (config: object, services: Services = []): Running => {
    const scope = fakeScope('exporter', 'file', { services });
    const exporter = spec.create(spec.config.parse(config), scope, fakeUpstream());
    running.push(exporter);
    const give = async (batch: Batch): Promise<void> => {
      const refusal = exporter.refusal?.();
      if (refusal !== undefined) throw refusal;
      await exporter.consume[batch.signal]!(batch as never, NEVER);
    };
    return { exporter, scope, give };
  };
  return {
    folder,
    at: (name) => join(folder, name),
    read: (name) => readFileSync(join(folder, name)),
    list: () => readdirSync(folder).sort(),
    make,
    async run(config, services) {
      const made = make(config, services);
      await made.exporter.start?.();
      return made;
    },
  };
}

/** Waits for what happens beside the test, for at most 10 s. */
export async function until(what: string, done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    if (tries === 1000) throw new Error(`This did not happen within 10 s: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
