import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { defineConnector, defineExporter } from '../../sdk/define.ts';
import type { HealthState } from '../../sdk/scope.ts';
import { version } from '../../sdk/version.ts';
import { componentId } from '../component-id.ts';
import { Catalogue } from '../plugins/catalogue.ts';
import { listComponents } from './components.ts';
import { describeError } from './describe-error.ts';
import { summary } from './summary.ts';

describe('bpflow components', () => {
  it('lists what there is in the form of the Collector', async () => {
    const base = { description: 'A fake.', config: z.strictObject({}) } as const;
    const exporter = defineExporter({
      ...base,
      type: 'out',
      stability: 'alpha',
      consumes: ['logs'],
      create: () => ({ consume: {} }),
    });
    const connector = defineConnector({
      ...base,
      type: 'link',
      stability: 'beta',
      connects: [{ from: 'logs', to: 'metrics' }],
      create: () => ({ consume: {} }),
    });
    const catalogue = new Catalogue([
      { kind: 'exporter', type: 'out', load: async () => ({ default: exporter }) },
      { kind: 'connector', type: 'link', load: async () => ({ default: connector }) },
    ]);
    const text = await listComponents(catalogue, ['yaml', 'env']);
    assert.match(
      text,
      new RegExp(
        `^buildinfo:\\n    command: bpflow\\n    description: .*\\n    version: ${version}\\nreceivers: \\[\\]\\n`,
      ),
    );
    assert.match(
      text,
      / {4}- name: out\n {6}module: bpflow \S+\n {6}stability:\n +logs: Alpha\n +metrics: Undefined\n +traces: Undefined\n/,
    );
    assert.equal(text.match(/ [a-z]+-to-[a-z]+: /g)?.length, 9);
    assert.match(text, / logs-to-metrics: Beta\n/);
    assert.match(text, /providers:\n {4}- scheme: env\n.*\n {4}- scheme: yaml\n/);
  });
});

describe('the summary on a terminal', () => {
  it('says what is collected, what is not and why, and where to look', () => {
    const component = (
      kind: 'receiver' | 'exporter' | 'extension',
      type: string,
      state: HealthState,
      text: string,
      details?: string[],
    ) => ({
      id: componentId(kind, type),
      pipeline: undefined,
      since: 0n,
      state,
      summary: text,
      ...(details === undefined ? {} : { details }),
    });
    const text = summary({
      name: 'bpflow',
      version: '1.2.3',
      pages: ['http://localhost:8888/metrics'],
      adminPath: '/run/x.sock',
      health: () => [
        component('extension', 'fine', 'ok', 'Well.'),
        component('extension', 'sick', 'degraded', 'Port 1 is in use.'),
        component('exporter', 'prometheus', 'ok', 'Serves http://127.0.0.1:9464/metrics.'),
        component('receiver', 'ebpf', 'degraded', '8 of 9 programs.', ['sys_exit: no rights.']),
        component('receiver', 'hubble', 'unavailable', 'No socket.'),
      ],
    });
    assert.equal(
      text,
      `
bpflow 1.2.3 is running (pid ${process.pid}).

It collects:
  ! ebpf: 8 of 9 programs.
      sys_exit: no rights.
  ✗ hubble: No socket.

Not as it should be:
  ! extension sick: Port 1 is in use.

Look here:
  ✓ prometheus: Serves http://127.0.0.1:9464/metrics.
  the agent itself: http://localhost:8888/metrics
  admin socket: /run/x.sock

Ctrl-C stops it.
`,
    );
  });
});

describe('an error on the command line', () => {
  it('is its message where it was made for the user, and its stack where it is a defect', () => {
    const known = Object.assign(new Error('a: b'), { name: 'ConfigError' });
    assert.equal(describeError(known), 'a: b');
    assert.match(describeError(new TypeError('x')), /^TypeError: x\n +at /);
    assert.equal(describeError('text').split('\n')[0], 'Error: text');
  });
});
