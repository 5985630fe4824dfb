import { ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { bpf, disk, has, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import type { Samples } from './samples.ts';

const REQUESTS = 500;
const file = join(disk, `block-${process.pid}`);
const device = skip === false ? deviceOf(disk) : undefined;
const reason = skip || (device === undefined ? 'needs a checkout on a block device' : !has('dd') && 'needs dd');

describe('block I/O', { skip: reason }, () => {
  after(() => rmSync(file, { force: true }));

  for (const features of [{}, { tp_btf: 'off' }]) {
    const off = Object.keys(features).join();
    test(`each request is timed once, between two accounts of the kernel${off && `, with ${off} off`}`, async () => {
      const keys = { collect_syscalls: false, collect_file_io: true, file_operations: false, features };
      using _statistics = bpf.enableStats();
      await using receiver = new ObservedReceiver(keys);
      // Others use the device too: requests of the agent's readings lie between those that are done inside and outside of them.
      const outer = completed();
      const first = requests(await receiver.read());
      // One that the device had before the receiver came has no beginning; on a busy disk it may still be under way.
      const older = inFlight();
      const inner = completed();
      const begun = undelivered(receiver);
      dd('if=/dev/zero', `of=${file}`, 'oflag=direct');
      dd(`if=${file}`, 'of=/dev/null', 'iflag=direct');
      const least = difference(completed(), inner);
      const counted = difference(requests(await receiver.read()), first);
      const most = difference(completed(), outer);
      const missing = Math.abs(undelivered(receiver) - begun);
      for (const operation of ['read', 'write'] as const) {
        const [low, value, high] = [least[operation] - older[operation] - missing, counted[operation], most[operation]];
        ok(
          low <= value && value <= high,
          `${operation}: ${low} (${older[operation]} older, ${missing} undelivered) <= ${value} <= ${high}`,
        );
      }
      ok(counted.read + counted.write >= 2 * REQUESTS - missing, JSON.stringify({ ...counted, missing }));
    });
  }
});

function dd(...operands: readonly string[]): void {
  execFileSync('dd', [...operands, 'bs=4k', `count=${REQUESTS}`], { stdio: 'ignore' });
}

/**
 * Runs for requests that begin, less those for requests that end. A kernel may not run a program for some that end in softirqs, and does
 * not count that (docs/adr/0012); what it does run is counted exactly.
 */
function undelivered(receiver: ObservedReceiver): number {
  const { programs } = receiver.scope.views.get('programs')!({}) as {
    readonly programs: readonly { readonly program: string; readonly runs?: number }[];
  };
  const runs = (role: string) =>
    programs.filter(({ program }) => program.startsWith(role)).reduce((sum, { runs: one = 0 }) => sum + one, 0);
  return runs('block_issue') - runs('block_complete');
}

interface Requests {
  readonly read: number;
  readonly write: number;
}

function requests(samples: Samples): Requests {
  const count = (operation: string) => samples.total('ebpf_block_io_latency_ns_count', { device: device!, operation });
  return { read: count('read'), write: count('write') };
}

function difference(a: Requests, b: Requests): Requests {
  return { read: a.read - b.read, write: a.write - b.write };
}

/** The kernel's own account of the device. */
function completed(): Requests {
  const fields = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/).map(Number);
  return { read: fields[0]!, write: fields[4]! };
}

/** Requests that the device has now. */
function inFlight(): Requests {
  const [read, write] = readFileSync(`/sys/block/${device}/inflight`, 'utf8').trim().split(/\s+/).map(Number);
  return { read: read!, write: write! };
}

/** Name of the whole device that a folder's file system is on. */
function deviceOf(folder: string): string | undefined {
  const { dev } = statSync(folder);
  const link = `/sys/dev/block/${(dev >> 8) & 0xfff}:${dev & 0xff}`;
  if (!existsSync(link)) return undefined;
  const path = realpathSync(link);
  return basename(existsSync(join(path, 'partition')) ? dirname(path) : path);
}
