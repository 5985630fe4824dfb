import { readFileSync } from 'node:fs';

/** Where the running kernel tells its types. */
const TYPES = '/sys/kernel/btf/vmlinux';
/** What stands before the name of a tracepoint there; libbpf looks for the same. */
const PREFIX = 'btf_trace_';
/** Events of single system calls are none of the tracepoints that have a type. */
const HOOK = /^(?:tp_btf|raw_tp|tracepoint\/(?!syscalls\/)[^/]+)\/(\w+)$/;

/**
 * Programs at tracepoints that the kernel has not got, each with what there is to say about it. To try one would load all the
 * others once more, and would look as if its rung were refused. `sections`: where each program attaches, `tp_btf/sys_exit`.
 * Empty where the kernel tells no types.
 */
export function absentTracepoints(
  sections: ReadonlyMap<string, string>,
  types: string = TYPES,
): ReadonlyMap<string, string> {
  const known = tracepointsOf(types);
  const absent = new Map<string, string>();
  if (known.size === 0) return absent;
  for (const [program, section] of sections) {
    const name = HOOK.exec(section)?.[1];
    if (name !== undefined && !known.has(name)) absent.set(program, `the kernel has no tracepoint ${name}`);
  }
  return absent;
}

/** Names of the tracepoints of a file of types. */
function tracepointsOf(path: string): ReadonlySet<string> {
  const names = new Set<string>();
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return names;
  }
  for (let at = bytes.indexOf(PREFIX); at >= 0; ) {
    const end = bytes.indexOf(0, at);
    names.add(bytes.toString('latin1', at + PREFIX.length, end));
    at = bytes.indexOf(PREFIX, end);
  }
  return names;
}
