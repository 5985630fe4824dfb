import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Signal = 'metrics' | 'logs' | 'traces';
export const signals: readonly Signal[] = ['metrics', 'logs', 'traces'];

/** Sends every field that OTLP has, as JSON, to an OTLP/HTTP receiver; resolves when all is taken. */
export async function sendEverything(address: string, of: readonly Signal[] = signals): Promise<void> {
  for (const signal of of) {
    const response = await fetch(`http://${address}/v1/${signal}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: readFileSync(join(import.meta.dirname, 'fixtures', `everything-${signal}.json`)),
    });
    assert.deepEqual([response.status, await response.json()], [200, { partialSuccess: {} }]);
  }
}
