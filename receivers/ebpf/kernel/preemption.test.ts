import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type PreemptionFacts, tasksArePreempted, tracepointsMiss } from './preemption.ts';

const DYNAMIC = '#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2';

const CASES: readonly (readonly [what: string, facts: Required<PreemptionFacts>, preempted: boolean])[] = [
  ['a kernel that preempts nobody', { version: '#1 SMP Debian 5.10', mode: '', commandLine: 'preempt=full' }, false],
  ['one that preempts everybody', { version: '#1 SMP PREEMPT 5.15', mode: '', commandLine: '' }, true],
  ['a real-time kernel', { version: '#1 SMP PREEMPT_RT 6.1', mode: '', commandLine: '' }, true],
  ['one at ease', { version: DYNAMIC, mode: 'none (voluntary) full', commandLine: 'preempt=full' }, false],
  ['one in full', { version: DYNAMIC, mode: 'none voluntary (full)', commandLine: '' }, true],
  ['a lazy one', { version: DYNAMIC, mode: 'full (lazy)', commandLine: '' }, true],
  ['one that was told at boot', { version: DYNAMIC, mode: '', commandLine: 'quiet preempt=voluntary rw' }, false],
  ['one that tells nothing', { version: DYNAMIC, mode: '', commandLine: 'quiet rw' }, true],
];

for (const [what, facts, preempted] of CASES) {
  test(`tasks are ${preempted ? '' : 'not '}preempted in functions: ${what}`, () =>
    equal(tasksArePreempted(facts), preempted));
}

test('tracepoints miss calls from Linux 7 on', () => {
  equal(tracepointsMiss('6.12.117+deb13-amd64'), false);
  equal(tracepointsMiss('7.2.13+deb14-amd64'), true);
});
