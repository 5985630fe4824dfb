import { deepEqual } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Boot, type Job, runInGuest } from './guest.ts';
import { resultsOf } from './jobs.ts';

const job = (name: string): Job => ({ name, seconds: 1, command: () => 'true' });

/** A guest in which these jobs end, and which ends then. */
function guest(status: number, ...ended: readonly string[]) {
  return (share: string) => {
    for (const name of ended) {
      writeFileSync(join(share, `${name}.found`), `found by ${name}`);
      writeFileSync(join(share, `${name}.output`), 'told\n');
      writeFileSync(join(share, `${name}.status`), '1\n');
    }
    return { status, output: 'its end' };
  };
}

async function run(...guests: readonly ReturnType<typeof guest>[]) {
  const booted: (readonly string[])[] = [];
  const boot: Boot = async (_, jobs, share) => {
    booted.push(jobs.map(({ name }) => name));
    return guests[booted.length - 1]!(share);
  };
  const ends = [];
  for await (const end of runInGuest('6.1', ['a', 'b', 'c'].map(job), boot)) ends.push(end);
  return { booted, ends };
}

const ended = (name: string) => ({ status: 1, output: 'told\n', found: `found by ${name}` });

test('a guest runs all jobs, and each is told with what it found', async () => {
  const { booted, ends } = await run(guest(0, 'a', 'b', 'c'));
  deepEqual(booted, [['a', 'b', 'c']]);
  deepEqual(ends, [ended('a'), ended('b'), ended('c')]);
});

test('a guest that dies is started again with what is left, and without a job in which it died twice', async () => {
  const { booted, ends } = await run(guest(125, 'a'), guest(125), guest(0, 'c'));
  deepEqual(booted, [['a', 'b', 'c'], ['b', 'c'], ['c']]);
  deepEqual(ends, [ended('a'), { status: 125, output: 'its end', found: '' }, ended('c')]);
});

test('a file whose tests did not come to their end has one more that failed', () => {
  const lines = '{"name":"one"}\n{"name":"two","error":"no"}\n';
  const [one, two] = [{ name: 'one' }, { name: 'two', error: 'no' }];
  deepEqual(resultsOf({ status: 1, output: '', found: lines }), [one, two]);
  for (const status of [0, 1]) {
    const whole = { name: 'the whole file', error: `ended with ${status}\nno tests` };
    deepEqual(resultsOf({ status, output: 'no tests', found: '' }), [whole]);
  }
  const late = { name: 'the whole file', error: 'ended with 124\n' };
  deepEqual(resultsOf({ status: 124, output: '', found: lines }), [one, two, late]);
});
