import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { Signal, Signals } from '../../pdata/signals.ts';
import { SIGNALS } from '../../pdata/signals.ts';
import type { ComponentSpec, Consumer } from '../component.ts';
import { PermanentError, RetryableError } from '../errors.ts';
import type { ComplianceOptions } from './compliance.ts';
import { Instance } from './compliance-instance.ts';
import { refusingConsumer } from './consumers.ts';
import { guardBatch } from './guard.ts';
import { sampleBatch } from './sample-batches.ts';

/** Tests of what becomes of each item that a component consumes. */
export function checkItems(spec: ComponentSpec, options: ComplianceOptions): void {
  for (const signal of consumedBy(spec)) {
    const given = (): readonly Signals[Signal][] => batchesOf(spec, signal, options);

    test(`${signal}: every item is accounted for`, async () => {
      const instance = new Instance(spec, options);
      await instance.start();
      for (const batch of given()) await offer(instance, signal, batch);
      await instance.stop();
      assertBalance(instance, spec);
    });

    test(`${signal}: what it is given is not written to`, async () => {
      const instance = new Instance(spec, options);
      await instance.start();
      const batches = given();
      const checks = batches.map(guardBatch);
      for (const batch of batches) await offer(instance, signal, batch);
      await instance.stop();
      for (const check of checks) check();
    });

    test(`${signal}: an aborted offer comes to an end`, async () => {
      const hanging = hangingConsumer();
      const instance = new Instance(spec, options, hanging);
      await instance.start();
      const abort = new AbortController();
      const offered = instance.settled('an aborted consume()', () => instance.give(signal, given()[0]!, abort.signal));
      abort.abort(new Error('The test aborts.'));
      await offered.catch(assertConsumeError);
      hanging.release();
      await instance.stop();
    });

    if (spec.kind === 'exporter') continue;
    for (const how of ['refusal', 'surprise', 'permanent'] as const) {
      test(`${signal}: nothing is lost unseen when the next component refuses (${how})`, async () => {
        const instance = new Instance(spec, options, refusingConsumer({ how }));
        await instance.start();
        for (const batch of given()) await offer(instance, signal, batch);
        await instance.stop();
        assertBalance(instance, spec);
      });
    }
  }
}

function consumedBy(spec: ComponentSpec): readonly Signal[] {
  switch (spec.kind) {
    case 'processor':
    case 'exporter':
      return spec.consumes;
    case 'connector':
      return SIGNALS.filter((signal) => spec.connects.some(({ from }) => from === signal));
    case 'receiver':
    case 'extension':
      return [];
    default:
      return spec satisfies never;
  }
}

function batchesOf(spec: ComponentSpec, signal: Signal, { batches }: ComplianceOptions): readonly Signals[Signal][] {
  const own = batches?.[signal];
  if (own !== undefined) return own;
  const temporality = 'wants' in spec && spec.wants === 'cumulative' ? 'cumulative' : 'delta';
  return [0, 1, 2].map((interval) => sampleBatch(signal, { interval, temporality }));
}

/** Offers a batch; a component may refuse it, as long as it says so properly. */
async function offer(instance: Instance, signal: Signal, batch: Signals[Signal]): Promise<void> {
  assert.ok(instance.takes(signal), `the spec says that it consumes ${signal}, the component does not`);
  const abort = new AbortController();
  await instance.settled('consume()', () => instance.give(signal, batch, abort.signal)).catch(assertConsumeError);
  assert.ok(Number.isInteger(instance.held) && instance.held >= 0, `held() is ${instance.held}`);
}

function assertConsumeError(error: unknown): void {
  const proper = error instanceof RetryableError || error instanceof PermanentError;
  assert.ok(proper, `consume must throw RetryableError or PermanentError, not ${String(error)}`);
}

function assertBalance(instance: Instance, spec: ComponentSpec): void {
  const { created, dropped, merged } = instance.scope.items.totals;
  const left = instance.in + created - dropped - merged - instance.held;
  const sums = `in ${instance.in} + created ${created} - dropped ${dropped} - merged ${merged} - held ${instance.held}`;
  if (spec.kind === 'exporter') {
    assert.ok(left >= 0, `more was declared than came in: ${sums} is negative`);
  } else if ('transform' in instance.component) {
    assert.ok(
      left >= instance.out,
      `${instance.out} items went out, which is more than ${sums}: declare them as created`,
    );
  } else {
    assert.equal(instance.out, left, `${instance.out} items went out, and ${sums} = ${left}`);
  }
}

/** Accepts nothing until it is released; then everything. */
function hangingConsumer(): Consumer<never> & { release(): void } {
  const released = Promise.withResolvers<void>();
  return {
    refusal: () => undefined,
    consume: (_, abort) => {
      const aborted = Promise.withResolvers<never>();
      const fail = (): void => aborted.reject(new RetryableError('The offer was aborted.'));
      if (abort.aborted) fail();
      else abort.addEventListener('abort', fail, { once: true });
      return Promise.race([released.promise, aborted.promise]);
    },
    release: () => released.resolve(),
  };
}
