import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { root, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';

/** What a program of workload/truth.h says of itself. */
interface Line {
  readonly program: string;
  readonly skipped?: string;
  readonly calls?: Readonly<Record<string, number>>;
  readonly errors?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const EDGES: readonly { readonly program: string; readonly size: number; readonly says: string }[] = [
  { program: 'signals', size: 200, says: 'what stands in the result register when a handler returns is no error' },
  {
    program: 'interrupted',
    size: 20,
    says: 'a handler ends a call with EINTR or lets it be made again, by kind and flag',
  },
  { program: 'restarts', size: 9, says: 'a call that goes on as restart_syscall is one call, however it ends' },
  { program: 'exits', size: 10, says: 'only who calls exit or exit_group has made that call' },
  {
    program: 'compat',
    size: 500,
    says: 'calls by the 32-bit and x32 ways in have names of their own, fork and exit too',
  },
  { program: 'invalid', size: 1000, says: 'numbers that no kernel has are one call' },
  { program: 'storm', size: 500, says: 'calls that signals interrupt at any point are counted once' },
];

const CONFIGURATIONS: readonly Readonly<Record<string, unknown>>[] = [
  {},
  { features: { tp_btf: 'off' } },
  { features: { task_storage: 'off' } },
  { syscall_latency: false },
];

for (const configuration of CONFIGURATIONS) {
  const off = Object.keys(configuration['features'] ?? configuration).join(', ');
  describe(`the edges of what is one call${off === '' ? '' : `, with ${off} off`}`, { skip }, () => {
    let receiver: ObservedReceiver;
    before(() => {
      receiver = new ObservedReceiver({ collect_syscalls: true, exclude_processes: [], ...configuration });
    });
    after(() => receiver[Symbol.asyncDispose]());

    for (const { program, size, says } of EDGES) {
      test(says, async (context: TestContext) => {
        const line = run(program, size);
        if (line.skipped !== undefined) return context.skip(line.skipped);
        const { calls = {}, errors = {} } = line;
        await reads(receiver, (samples) => counted(samples, line), { calls, errors });
      });
    }
  });
}

function run(program: string, size: number): Line {
  const path = join(root, 'build', 'workload', program);
  const line = JSON.parse(execFileSync(path, [String(size)], { encoding: 'utf8', timeout: 60_000 })) as Line;
  assert.equal(line.program, program);
  return line;
}

/** The same members as the line has, as they were counted. */
function counted(samples: Samples, { program, calls = {}, errors = {} }: Line): Pick<Line, 'calls' | 'errors'> {
  const labels = (syscall: string) => ({ process: program, syscall });
  return {
    calls: Object.fromEntries(
      Object.keys(calls).map((call) => [call, samples.total('ebpf_syscall_count', labels(call))]),
    ),
    errors: Object.fromEntries(
      Object.keys(errors).map((call) => [call, samples.by('errno', 'ebpf_syscall_errors', labels(call))]),
    ),
  };
}
