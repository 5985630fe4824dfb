import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { EventReceiver, NO_EVENTS, type SeenEvent } from './event-receiver.ts';
import { root, skip } from './machine.ts';
import { own, Workloads } from './workload.ts';

const ADDRESS = /^at (\S* ?\+0x[0-9a-f]+ \(build id [0-9a-f]{40}\)|0x[0-9a-f]+)$/;

describe('stacks of events', { skip: skip || symbolsObstacle() }, () => {
  const folder = skip === false ? mkdtempSync(join(root, 'build', 'stacks-')) : '';
  const workloads = new Workloads();
  const identities = new Workloads('identity');
  after(() => {
    workloads[Symbol.dispose]();
    identities[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  test('are told where asked for, kernel and process, from within; other events have none', async () => {
    const name = own('stacked');
    const keys = { ...NO_EVENTS, collect_process_events: true, collect_signal_events: true, ring_buffer_size: 1 << 20 };
    await using receiver = new EventReceiver({ ...keys, stack_traces: ['signal'], process_filter: [name] });
    await receiver.symbols();
    await workloads.run(name, 'sigreturn', 50);
    const { stack, signal } = await receiver.balanced();
    const signals = receiver.events('process.signal').map(stackOf);
    equal(signals.length, 50);
    for (const lines of signals) {
      ok(lines.length >= 4, lines.join('\n'));
      ok(
        lines.some((line) =>
          /^at do_send_specific\+|^at do_tkill\+|^at __x64_sys_tgkill\+|^at __arm64_sys_tgkill\+/.test(line),
        ),
        lines.join('\n'),
      );
      match(lines.at(-1)!, ADDRESS);
      ok(!lines.some((line) => /bpf_|traceiter/.test(line)), lines.join('\n'));
    }
    deepEqual([stack!.received, signal!.received], [50, 50]);
    ok(receiver.events('process.exec').every((each) => !('code.stacktrace' in each.attributes)));
  });

  for (const [rungs, features] of [
    ['typed tracepoints', {}],
    ['raw tracepoints', { tp_btf: 'off' }],
  ] as const) {
    test(`are there for every kind that is told where it happens, by ${rungs}`, async () => {
      const name = own('kinds');
      const all = { collect_process_events: true, collect_namespace_events: true, collect_privilege_events: true };
      const stacks = ['fork', 'exec', 'namespace', 'privilege'];
      await using receiver = new EventReceiver({
        ...NO_EVENTS,
        ...all,
        stack_traces: stacks,
        process_filter: [name],
        features,
      });
      await identities.run(name, 'namespaces');
      await identities.run(name, 'privileges', identities.copy(own('other')), 'end');
      const balance = await receiver.balanced();
      for (const event of ['process.fork', 'process.exec', 'process.namespaces', 'process.privileges']) {
        const ours = receiver.events(event);
        ok(ours.length > 0 && ours.every((each) => stackOf(each).length > 0), event);
      }
      ok(receiver.events('process.exit').every((each) => stackOf(each).length === 0));
      equal(balance['stack']!.dropped['unclaimed'], 0);
    });
  }

  test('name the file that a process runs, and have no more frames than asked for', async () => {
    const file = join(folder, 'watched');
    writeFileSync(file, '');
    const keys = { ...NO_EVENTS, monitor_paths: [folder], stack_traces: ['file_open'] };
    await using deep = new EventReceiver(keys);
    await using flat = new EventReceiver({ ...keys, max_stack_depth: 2 });
    await deep.symbols();
    const script = `require('node:fs').readFileSync('${file}'); setTimeout(() => {}, 300)`;
    const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    await once(child, 'exit');
    const linesOf = async (receiver: EventReceiver) => {
      const ours = () => receiver.events('file.open').filter((each) => each.attributes['process.pid'] === child.pid);
      await receiver.until(() => ours().length > 0);
      return stackOf(ours()[0]!);
    };
    const lines = await linesOf(deep);
    // What has no frame pointers, as most libraries, hides who called it.
    ok(
      lines.some((line) => /^at \/\S+\+0x[0-9a-f]+ \(build id [0-9a-f]{40}\)$/.test(line)),
      lines.join('\n'),
    );
    ok(lines.length > 4 && lines.length <= 40, `${lines.length} frames`);
    const few = await linesOf(flat);
    ok(few.length > 0 && few.length <= 4, few.join('\n'));
  });

  test('of a connect are those of who called, though the event comes when it is established', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await using receiver = new EventReceiver({
      ...NO_EVENTS,
      collect_tcp_events: true,
      stack_traces: ['tcp_connect'],
    });
    await receiver.symbols();
    const script = `const s = require('node:net').connect(${port}, '127.0.0.1', () => setTimeout(() => s.end(), 200));`;
    const client = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    await once(client, 'exit');
    server.close();
    const ours = () => receiver.events('tcp.connect').filter((each) => each.attributes['process.pid'] === client.pid);
    await receiver.until(() => ours().length > 0);
    const lines = stackOf(ours()[0]!);
    ok(
      lines.some((line) => line.startsWith('at tcp_v4_connect+')),
      lines.join('\n'),
    );
    ok(
      lines.some((line) => line.startsWith(`at ${realpathSync(process.execPath)}+0x`) || line.includes('libc')),
      lines.join('\n'),
    );
    const closed = receiver.events('tcp.close').filter((each) => each.attributes['process.pid'] === client.pid);
    ok(closed.every((each) => !('code.stacktrace' in each.attributes)));
  });
});

function stackOf({ attributes }: SeenEvent): string[] {
  return String(attributes['code.stacktrace'] ?? '')
    .split('\n')
    .filter((line) => line !== '');
}

function symbolsObstacle(): string | false {
  const shows = /^0*[1-9a-f]/m.test(readFileSync('/proc/kallsyms', 'latin1').slice(0, 1000));
  return shows ? false : 'needs a kernel that shows the addresses of its functions';
}
