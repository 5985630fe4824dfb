import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { countItems, defineProcessor, defineReceiver, type MetricBatch, RetryableError, z } from 'bpflow/sdk';
import { describeCompliance } from 'bpflow/testing';

const folder = mkdtempSync(join(tmpdir(), 'bpflow-compliance-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(
  join(folder, 'README.md'),
  '```yaml\nprocessors:\n  half: { keep: 1 }\n  holds_one:\nreceivers:\n  ticks:\n```\n',
);

const config = z.strictObject({ keep: z.int().min(1).default(1).describe('Metrics that are kept.') });

describeCompliance(
  defineProcessor({
    type: 'half',
    stability: 'development',
    description: 'Keeps the first metrics of each batch.',
    config,
    consumes: ['metrics'],
    create: ({ keep }) => ({
      transform: { metrics: (batch) => ({ ...batch, metrics: batch.metrics.slice(0, keep) }) },
    }),
  }),
  { folder, config: { keep: 2 }, badConfig: [{ keep: 0 }, { keep: 'x' }] },
);

describeCompliance(
  defineProcessor({
    type: 'holds_one',
    stability: 'development',
    description: 'Holds one batch back until the next one or a flush.',
    config: z.strictObject({}),
    consumes: ['metrics'],
    create(_, scope, next) {
      let held: MetricBatch | undefined;
      const pass = async (abort: AbortSignal): Promise<void> => {
        if (held === undefined) return;
        await next.metrics!.consume(held, abort);
        held = undefined;
      };
      return {
        consume: {
          async metrics(batch, _, abort) {
            await pass(abort);
            held = batch;
          },
        },
        refusal: () =>
          next.metrics!.refusal() === undefined ? undefined : new RetryableError('What follows is busy.'),
        async stop() {
          try {
            await pass(new AbortController().signal);
          } catch {
            scope.items.dropped(countItems(held!), 'shutdown');
            held = undefined;
          }
        },
        held: () => (held === undefined ? 0 : countItems(held)),
      };
    },
  }),
  { folder },
);

describeCompliance(
  defineReceiver({
    type: 'ticks',
    stability: 'development',
    description: 'Does nothing, every second.',
    config: z.strictObject({}),
    produces: ['metrics'],
    create(_, scope) {
      let timer: { cancel(): void } | undefined;
      return {
        start() {
          timer = scope.clock.every(1000, () => {});
        },
        stop: () => timer?.cancel(),
      };
    },
  }),
  { folder },
);

describe('the battery finds', () => {
  const fixture = join(import.meta.dirname, 'testdata', 'misbehaving.ts');
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--conditions=source', '--test-reporter=tap', '--test-force-exit', fixture];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env, timeout: 60_000 });

  const failures = new Map<string, string[]>();
  let failed: string[] = [];
  for (const line of stdout.split('\n')) {
    const single = /^ {4}not ok \d+ - (.*)$/.exec(line);
    if (single) failed.push(single[1]!);
    const whole = /^(?:not )?ok \d+ - \w+ (\w+) keeps the contract:/.exec(line);
    if (!whole) continue;
    failures.set(
      whole[1]!,
      failed.filter((name) => !name.startsWith('its README')),
    );
    failed = [];
  }

  const expected: Record<string, string[]> = {
    loose_schema: ['an unknown key is refused', 'every field is described'],
    leaves_handles: ['it starts and stops, and leaves no handle and no timer'],
    begins_early: ['making it opens nothing: that is for start()'],
    needs_start: ['making it opens nothing: that is for start()', 'it stops without having started', 'it stops twice'],
    loses_items: [
      'metrics: every item is accounted for',
      'metrics: nothing is lost unseen when the next component refuses (refusal)',
      'metrics: nothing is lost unseen when the next component refuses (surprise)',
      'metrics: nothing is lost unseen when the next component refuses (permanent)',
    ],
    writes_columns: ['metrics: what it is given is not written to'],
    throws_anything: [
      'metrics: every item is accounted for',
      'metrics: what it is given is not written to',
      'metrics: an aborted offer comes to an end',
      'metrics: nothing is lost unseen when the next component refuses (refusal)',
      'metrics: nothing is lost unseen when the next component refuses (surprise)',
      'metrics: nothing is lost unseen when the next component refuses (permanent)',
    ],
    swallows_refusals: [
      'metrics: nothing is lost unseen when the next component refuses (refusal)',
      'metrics: nothing is lost unseen when the next component refuses (surprise)',
      'metrics: nothing is lost unseen when the next component refuses (permanent)',
    ],
    multiplies: ['metrics: every item is accounted for'],
  };

  for (const [type, tests] of Object.entries(expected)) {
    test(`what is wrong with ${type}`, () => assert.deepEqual(failures.get(type), tests, stdout));
  }

  test('a missing README', () => {
    assert.match(stdout, /not ok \d+ - its README shows a configuration that is taken/);
  });
});
