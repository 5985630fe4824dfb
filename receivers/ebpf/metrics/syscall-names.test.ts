import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syscallNames } from './syscall-names.ts';

const COMPAT = 0x40000000;
const X32 = 0x80000000;

test('numbers have the names of their ABI', () => {
  const names = syscallNames('x64');
  assert.equal(names.syscall(110), 'getppid');
  assert.equal(names.syscall(64), 'semget');
  assert.equal(names.syscall(COMPAT + 64), 'getppid (32-bit)');
  assert.equal(names.syscall(X32 + 512), 'rt_sigaction (x32)');
  assert.equal(names.syscall(435), 'clone3');
  assert.equal(names.syscall(462), 'mseal');
});

test('arm64 has the generic numbers under the names of 64 bits, and those of 32-bit Arm', () => {
  const names = syscallNames('arm64');
  assert.equal(names.syscall(173), 'getppid');
  assert.equal(names.syscall(139), 'rt_sigreturn');
  assert.equal(names.syscall(94), 'exit_group');
  assert.deepEqual(
    [25, 43, 62, 71, 79, 80, 222, 223].map((number) => names.syscall(number)),
    ['fcntl', 'statfs', 'lseek', 'sendfile', 'newfstatat', 'fstat', 'mmap', 'fadvise64'],
  );
  assert.equal(names.syscall(403), 'unknown_403');
  assert.equal(names.syscall(COMPAT + 64), 'getppid (32-bit)');
  assert.equal(names.syscall(COMPAT + 248), 'exit_group (32-bit)');
  assert.equal(names.syscall(COMPAT + 403), 'clock_gettime64 (32-bit)');
});

test('numbers without a name keep their number', () => {
  assert.equal(syscallNames('x64').syscall(511), 'unknown_511');
  assert.equal(syscallNames('x64').errno(524), 'errno_524');
});

test('errors have their symbolic name', () => {
  const names = syscallNames('x64');
  assert.equal(names.errno(2), 'ENOENT');
  assert.equal(names.errno(11), 'EAGAIN');
  assert.equal(names.errno(4), 'EINTR');
});
