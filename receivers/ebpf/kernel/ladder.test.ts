import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Allowed, Ladder, programOf, type Role } from './ladder.ts';

const newTask: Role = { object: 'process', name: 'task_newtask', without: 'No new tasks.' };
const sysExit: Role = { object: 'syscall', name: 'sys_exit', without: 'No calls.' };
const living: Role = { object: 'process', name: 'living', without: 'No walk.' };
const ALL: Allowed = {
  tpBtf: true,
  rawTp: true,
  taskStorage: true,
  socketStorage: true,
  traceEvents: false,
  fexit: true,
  ringbuf: true,
};
const PROGRAMS = new Set(['task_newtask_btf', 'task_newtask_raw', 'sys_exit_btf', 'sys_exit_raw', 'living']);

function chosen(ladder: Ladder): string[] {
  return [...ladder.plan.rungs].map(([role, rung]) => programOf(role, rung));
}

test('begins with the strongest rung of each role', () => {
  const ladder = new Ladder([newTask, sysExit, living], PROGRAMS, ALL);
  assert.deepEqual(chosen(ladder), ['task_newtask_btf', 'sys_exit_btf', 'living']);
  assert.deepEqual([ladder.plan.taskStorage, ladder.plan.atomics], [true, true]);
});

test('a rung that is switched off is never tried, and raw tracepoints go with a hash of tasks', () => {
  const ladder = new Ladder([newTask, sysExit], PROGRAMS, { ...ALL, tpBtf: false });
  assert.deepEqual(chosen(ladder), ['task_newtask_raw', 'sys_exit_raw']);
  assert.equal(ladder.plan.taskStorage, false);
});

test('a program that fails steps its role down, and leaves the others', () => {
  const ladder = new Ladder([newTask, sysExit], PROGRAMS, ALL);
  assert.equal(ladder.failed({ program: 'sys_exit_btf', reason: 'load: EINVAL' }), true);
  assert.deepEqual(chosen(ladder), ['task_newtask_btf', 'sys_exit_raw']);
  assert.equal(ladder.plan.taskStorage, false);
  assert.deepEqual(ladder.status(), [
    { program: 'task_newtask_btf', state: 'attached', reason: '' },
    { program: 'sys_exit_raw', state: 'attached', reason: '' },
    { program: 'sys_exit_btf', state: 'failed', reason: 'load: EINVAL' },
  ]);
});

test('a role without a rung left is off, with its reasons and what is lost', () => {
  const ladder = new Ladder([newTask, sysExit], PROGRAMS, ALL);
  ladder.failed({ program: 'sys_exit_btf', reason: 'load: EINVAL' });
  ladder.failed({ program: 'sys_exit_raw', reason: 'attach: ENOENT' });
  assert.deepEqual(chosen(ladder), ['task_newtask_btf']);
  assert.deepEqual(ladder.missing(), [sysExit]);
  assert.deepEqual(
    ladder.status().filter(({ state }) => state === 'failed'),
    [
      { program: 'sys_exit_btf', state: 'failed', reason: 'load: EINVAL' },
      { program: 'sys_exit_raw', state: 'failed', reason: 'attach: ENOENT' },
    ],
  );
});

test('when the shared programs fail on every rung, all are tried again without atomics', () => {
  const ladder = new Ladder([newTask, sysExit], PROGRAMS, ALL);
  ladder.failed({ program: 'task_newtask_btf', reason: 'load: EINVAL' });
  ladder.failed({ program: 'task_newtask_raw', reason: 'load: EINVAL' });
  assert.deepEqual(chosen(ladder), ['task_newtask_btf', 'sys_exit_btf']);
  assert.equal(ladder.plan.atomics, false);
  assert.equal(ladder.status().find(({ program }) => program === 'task_newtask_btf')?.state, 'attached');
});

test('a trace event that fails leads to a typed tracepoint, and leaves the state in the tasks', () => {
  const programs = new Set([...PROGRAMS, 'sys_exit_tp']);
  const ladder = new Ladder([newTask, sysExit], programs, { ...ALL, traceEvents: true });
  ladder.failed({ program: 'sys_exit_tp', reason: 'attach: ENOENT' });
  assert.deepEqual(chosen(ladder), ['task_newtask_btf', 'sys_exit_btf']);
  assert.equal(ladder.plan.taskStorage, true);
});

describe('what is kept for sockets', () => {
  const state: Role = { object: 'net', name: 'socket_state', sockets: 'keeps', without: 'No TCP.' };
  const elders: Role = { object: 'net', name: 'older_sockets', sockets: 'walks', without: 'No elders.' };
  const programs = ['socket_state_tp', 'socket_state_btf', 'older_sockets', 'older_sockets_table'];
  const place = ({ plan }: Ladder) => [plan.socketStorage, plan.socketTable];

  test('is in the sockets, and without storage in a table, which is walked instead', () => {
    const ladder = new Ladder([state, elders], new Set(programs), ALL);
    assert.deepEqual([chosen(ladder), ...place(ladder)], [['socket_state_btf', 'older_sockets'], true, false]);
    assert.equal(ladder.failed({ program: 'socket_state_btf', reason: 'load: EINVAL' }), true);
    assert.deepEqual([chosen(ladder), ...place(ladder)], [['socket_state_btf', 'older_sockets_table'], false, true]);
    // It was another reason: only that role is off.
    ladder.failed({ program: 'socket_state_btf', reason: 'load: EACCES' });
    assert.deepEqual([chosen(ladder), ladder.missing(), ...place(ladder)], [['older_sockets'], [state], true, false]);
  });

  test('is in a table for a trace event, and in the sockets again when there is none', () => {
    const ladder = new Ladder([state, elders], new Set(programs), { ...ALL, traceEvents: true });
    assert.deepEqual([chosen(ladder), ...place(ladder)], [['socket_state_tp', 'older_sockets_table'], true, true]);
    assert.equal(ladder.failed({ program: 'socket_state_tp', reason: 'attach: ENOENT' }), true);
    assert.deepEqual([chosen(ladder), ...place(ladder)], [['socket_state_btf', 'older_sockets'], true, false]);
  });

  test('goes on without a walk that fails', () => {
    const ladder = new Ladder([state, elders], new Set(programs), { ...ALL, socketStorage: false });
    ladder.failed({ program: 'older_sockets_table', reason: 'load: EINVAL' });
    assert.deepEqual([chosen(ladder), ladder.missing()], [['socket_state_btf'], [elders]]);
  });
});

test('without a ring events go through buffers, once; without those there are none', () => {
  const event: Role = { object: 'events', name: 'event_fork', without: 'No events.' };
  const ladder = new Ladder([event], new Set(['event_fork_btf']), ALL);
  assert.deepEqual([ladder.plan.ringbuf, ladder.withoutRing(), ladder.plan.ringbuf], [true, true, false]);
  assert.equal(ladder.withoutRing(), false);
  assert.equal(ladder.withoutObject('events', 'ring: EPERM'), true);
  assert.deepEqual(ladder.missing(), [event]);
});

test('task storage can be given up once', () => {
  const ladder = new Ladder([newTask], PROGRAMS, ALL);
  assert.equal(ladder.withoutTaskStorage(), true);
  assert.equal(ladder.plan.taskStorage, false);
  assert.deepEqual(chosen(ladder), ['task_newtask_btf']);
  assert.equal(ladder.withoutTaskStorage(), false);
});

test('with every rung switched off a role is off and says so; an iterator is not a tracepoint', () => {
  const ladder = new Ladder([sysExit, living], PROGRAMS, {
    tpBtf: false,
    rawTp: false,
    taskStorage: true,
    socketStorage: true,
    traceEvents: false,
    fexit: false,
    ringbuf: true,
  });
  assert.deepEqual(chosen(ladder), ['living']);
  assert.deepEqual(ladder.status(), [
    { program: 'living', state: 'attached', reason: '' },
    { program: 'sys_exit', state: 'off', reason: 'every rung is switched off' },
  ]);
});

test('a program that belongs to no role is not taken for one', () => {
  const ladder = new Ladder([sysExit], PROGRAMS, ALL);
  assert.equal(ladder.failed({ program: 'learn_agent', reason: 'load: EPERM' }), false);
});

test('where trace events are wanted they come first, and what has none keeps its tracepoint', () => {
  const programs = new Set([...PROGRAMS, 'sys_exit_tp']);
  const ladder = new Ladder([newTask, sysExit], programs, { ...ALL, traceEvents: true });
  assert.deepEqual(chosen(ladder), ['task_newtask_btf', 'sys_exit_tp']);
  assert.deepEqual(ladder.below(sysExit), ['sys_exit_btf', 'sys_exit_raw']);
  assert.deepEqual(chosen(new Ladder([newTask, sysExit], programs, ALL)), ['task_newtask_btf', 'sys_exit_btf']);
});

test('where one trace event of a call cannot be had, none is tried', () => {
  const calls = ['setns', 'unshare'].map((name): Role => ({ object: 'events', name, stateless: true, without: 'No.' }));
  const ladder = new Ladder([newTask, ...calls], new Set([...PROGRAMS, 'setns_call', 'unshare_call']), ALL);
  assert.deepEqual(chosen(ladder), ['task_newtask_btf', 'setns_call', 'unshare_call']);
  assert.equal(ladder.failed({ program: 'setns_call', reason: 'attach: ENOENT' }), true);
  assert.deepEqual(chosen(ladder), ['task_newtask_btf']);
  assert.deepEqual(
    ladder.status().map(({ program, state }) => [program, state]),
    [
      ['task_newtask_btf', 'attached'],
      ['setns_call', 'failed'],
      ['unshare_call', 'failed'],
    ],
  );
  assert.deepEqual(ladder.missing(), calls);
});

const SEND: readonly Role[] = [
  { object: 'net', name: 'send', without: 'Nothing that is sent.' },
  { object: 'net', name: 'send_four', partOf: 'send', without: 'Nothing of IPv4.' },
  { object: 'net', name: 'send_six', partOf: 'send', without: 'Nothing of IPv6.' },
  { object: 'net', name: 'send_page', partOf: 'send', ifThere: true, without: 'No pages.' },
];
const SENDERS = new Set(['task_newtask_btf', 'send_btf', 'send_four_fexit', 'send_six_fexit', 'send_page_fexit']);

test('the parts of a role are left alone while one program does all of it, and told as what is below', () => {
  const ladder = new Ladder(SEND, SENDERS, ALL);
  assert.deepEqual(chosen(ladder), ['send_btf']);
  assert.deepEqual(ladder.missing(), []);
  assert.deepEqual(ladder.below(SEND[0]!), ['send_four_fexit', 'send_six_fexit', 'send_page_fexit']);
  assert.deepEqual(ladder.status(), [{ program: 'send_btf', state: 'attached', reason: '' }]);
});

test('its parts take over where that program fails, and then nothing is missing', () => {
  const ladder = new Ladder([newTask, ...SEND], SENDERS, ALL);
  assert.equal(ladder.failed({ program: 'send_btf', reason: 'load: ESRCH', isGone: true }), true);
  assert.deepEqual(chosen(ladder), ['task_newtask_btf', 'send_four_fexit', 'send_six_fexit', 'send_page_fexit']);
  assert.deepEqual([ladder.missing(), ladder.plan.taskStorage], [[], true]);
  assert.deepEqual(
    ladder.status().filter(({ state }) => state !== 'attached'),
    [{ program: 'send_btf', state: 'failed', reason: 'load: ESRCH' }],
  );
});

test('a part whose function the kernel has not got is missing, unless such a kernel needs none', () => {
  const ladder = new Ladder(SEND, SENDERS, { ...ALL, tpBtf: false });
  ladder.failed({ program: 'send_six_fexit', reason: 'load: ESRCH', isGone: true });
  ladder.failed({ program: 'send_page_fexit', reason: 'load: ESRCH', isGone: true });
  assert.deepEqual(chosen(ladder), ['send_four_fexit']);
  assert.deepEqual(ladder.missing(), [SEND[2]]);
  assert.deepEqual(ladder.status(), [
    { program: 'send_four_fexit', state: 'attached', reason: '' },
    { program: 'send_six_fexit', state: 'failed', reason: 'load: ESRCH' },
    { program: 'send_page', state: 'off', reason: 'this kernel has no such function, and needs none' },
  ]);
});

test('where one program at the end of a function is refused, none is tried, and the whole role is missing', () => {
  const ladder = new Ladder([newTask, ...SEND], SENDERS, { ...ALL, tpBtf: true });
  ladder.failed({ program: 'send_btf', reason: 'load: ESRCH', isGone: true });
  ladder.failed({ program: 'send_four_fexit', reason: 'attach: ENOTSUPP' });
  assert.deepEqual(chosen(ladder), ['task_newtask_btf']);
  assert.deepEqual(ladder.missing(), [SEND[0]]);
  assert.deepEqual(
    ladder.status().flatMap(({ program, state, reason }) => (state === 'attached' ? [] : [[program, state, reason]])),
    [
      ['send_btf', 'failed', 'load: ESRCH'],
      ['send_four_fexit', 'failed', 'attach: ENOTSUPP'],
      ['send_six_fexit', 'failed', 'attach: ENOTSUPP'],
      ['send_page_fexit', 'failed', 'attach: ENOTSUPP'],
    ],
  );
});

test('with programs at functions switched off a role has no parts, and is off as a whole', () => {
  const ladder = new Ladder(SEND, SENDERS, { ...ALL, tpBtf: false, fexit: false });
  assert.deepEqual(chosen(ladder), []);
  assert.deepEqual(ladder.status(), [{ program: 'send', state: 'off', reason: 'every rung is switched off' }]);
});
