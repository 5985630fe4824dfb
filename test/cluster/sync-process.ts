/**
 * Reads all pods once, as an agent of its own process would, and prints what that took. Arguments: the folder of the service account, the
 * encoding, how lists come, and a node or nothing. The server is that of the environment.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

// As `bpflow run` does before it loads anything.
setFlagsFromString('--semi-space-growth-factor=1');
const { connectionFields, openKubernetes, podFilterField } = await import('bpflow/kubernetes');
const { z } = await import('bpflow/sdk');
const { liveScope } = await import('./live-scope.ts');

const [folder, encoding, lists, node = ''] = process.argv.slice(2);
const settings = z
  .object({ ...connectionFields(), filter: podFilterField() })
  .parse({ service_account_path: folder, filter: { node } });
const { scope } = liveScope();
const opened = openKubernetes({ ...settings, endpoints: false, max_pods: 50_000 }, scope, {
  encodings: [encoding === 'json' ? 'json' : 'protobuf'],
  lists: lists === 'pages' ? 'pages' : 'streams',
});
opened.kubernetes.want({ labels: [{ from: 'pod', key: 'app', key_regex: '' }] });

const before = { peak: peakMiB(), cpu: process.cpuUsage(), time: performance.now() };
opened.start();
const alive = setInterval(() => {}, 1000);
await opened.kubernetes.ready();
const cpu = process.cpuUsage(before.cpu);
const syncMs = performance.now() - before.time;
await wait(500);
const result = {
  pods: [...opened.kubernetes.pods()].length,
  beforeMiB: before.peak,
  peakMiB: peakMiB(),
  cpuMs: (cpu.user + cpu.system) / 1000,
  syncMs,
};
console.log(JSON.stringify(result));
await opened.stop();
clearInterval(alive);

function peakMiB(): number {
  const [, kib] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kib) / 1024;
}
