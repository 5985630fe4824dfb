/**
 * generate-cursors.ts [FOLDER]: writes bpf/<group>.gen.ts (or FOLDER/<group>.gen.ts) from the objects' BTF and the headers'
 * constants. The C structs are the one source of truth.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { layoutHash, type StructLayout, type StructMember } from '../sdk/bpf.ts';
import { readBtf } from './btf.ts';

/** What is generated from each object. Shared structs are generated once, where they are declared. */
const GROUPS = [
  {
    name: 'process',
    structs: ['group_key', 'group_value', 'group_totals', 'node', 'cgroup_path', 'agent_cgroup'],
    enums: ['ledger_slot'],
  },
  { name: 'syscall', structs: ['syscall_key', 'syscall_error_key', 'syscall_value', 'hist'], enums: [] },
  { name: 'sched', structs: ['wait_key', 'hist'], enums: [] },
  {
    name: 'fileio',
    structs: ['file_key', 'file_value', 'file_error_key', 'file_error_value', 'file_latency_key', 'hist'],
    enums: ['file_operation'],
  },
  { name: 'block', structs: ['block_key', 'hist'], enums: [] },
  {
    name: 'net',
    structs: [
      'net_key',
      'net_value',
      'flow_key',
      'flow_value',
      'flow_life',
      'connect_error_key',
      'tcp_time_key',
      'connection_key',
      'connection_value',
      'socket_record',
      'hist',
    ],
    enums: ['transport', 'tcp_time'],
  },
  {
    name: 'dns',
    structs: [
      'dns_key',
      'dns_value',
      'dns_answer_key',
      'dns_answer_value',
      'dns_name_key',
      'dns_name_value',
      'dns_waiting_key',
      'dns_waiting',
      'dns_stray_value',
      'dns_body',
      'hist',
    ],
    enums: ['dns_transport', 'dns_stray'],
  },
  {
    name: 'http',
    structs: [
      'http_key',
      'http_value',
      'http_answer_key',
      'http_answer_value',
      'http_time_key',
      'http_stray_value',
      'hist',
    ],
    enums: ['http_role', 'http_method', 'http_stray'],
  },
  { name: 'mem', structs: ['memory_key', 'memory_value'], enums: ['memory_kind'] },
  {
    name: 'events',
    structs: [
      'event_header',
      'exec_body',
      'exit_body',
      'signal_body',
      'oom_body',
      'cgroup_body',
      'move_body',
      'tcp_body',
      'file_body',
      'namespace_body',
      'privilege_body',
      'memory_body',
      'stack_body',
      'stack_frame',
      'path_prefix',
      'event_count',
    ],
    enums: ['event_kind', 'tcp_direction', 'namespace_type', 'namespace_step', 'credential_id'],
  },
] as const;

const UNITS: Readonly<Record<string, string>> = {
  ns_t: 'Nanoseconds.',
  bytes_t: 'Bytes.',
  count_t: 'Occurrences.',
  cgroup_id_t: 'Inode of the cgroup v2 directory.',
  group_t: 'Id of a series group; 0 is `other`.',
  pid_type: 'Thread group id in the initial pid namespace.',
  syscall_t: 'System call number, its ABI in the two highest bits.',
  errno_t: 'Positive error number.',
};

const folder = process.argv[2] ?? 'bpf';
for (const { name, structs, enums } of GROUPS) {
  const btf = readBtf(`build/bpf/x86/${name}.bpf.o`);
  const layouts = structs.map((struct) => btf.layout(struct));
  writeFileSync(`${folder}/${name}.gen.ts`, render(name, layouts, constants(name, enums)));
}

function render(name: string, layouts: readonly StructLayout[], constantLines: readonly string[]): string {
  const structs = layouts.map((layout) => `  ${layout.name}: '${layoutHash(layout)}',`);
  return `// Generated from bpf/${name}.bpf.c by scripts/generate-cursors.ts. Do not edit.

${constantLines.join('\n')}

/** Hash of each struct's layout; what is loaded must have the same. */
export const LAYOUTS = {
${structs.join('\n')}
} as const;

${layouts.map(cursor).join('\n')}`;
}

function cursor(layout: StructLayout): string {
  const className = camel(layout.name, true);
  const members = layout.members.filter(({ name }) => name !== 'reserved');
  return `/** A moving view on one \`struct ${layout.name}\` in a buffer of 32-bit words. */
export class ${className} {
  /** Bytes. */
  static readonly SIZE = ${layout.size};
  /** 32-bit words. */
  static readonly WORDS = ${layout.size / 4};
  /** Position of each member, in words. */
  static readonly WORD = { ${members.map((m) => `${camel(m.name)}: ${m.offset / 4}`).join(', ')} } as const;
  #words: Uint32Array = new Uint32Array(${layout.size / 4});
  #at = 0;

  /** Moves to the struct that begins at word \`at\`. */
  move(words: Uint32Array, at: number): this {
    this.#words = words;
    this.#at = at;
    return this;
  }
${members.map(getter).join('')}}
`;
}

function getter(member: StructMember): string {
  const { name, offset, size, type, kind, length } = member;
  const word = offset / 4;
  const doc = UNITS[type] === undefined ? '' : `  /** ${UNITS[type]} */\n`;
  const at = word === 0 ? 'this.#at' : `this.#at + ${word}`;
  if (kind === 'char' && length !== undefined) {
    return `
  /** At most ${length - 1} bytes, up to the first zero. */
  get ${camel(name)}(): string {
    const start = this.#words.byteOffset + (${at}) * 4;
    const bytes = new Uint8Array(this.#words.buffer, start, ${length});
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.buffer, start, end < 0 ? ${length} : end).toString();
  }
`;
  }
  if (length !== undefined) {
    return `
  /** ${length} values${doc === '' ? '' : `: ${UNITS[type]}`} */
  static readonly ${camel(name).toUpperCase()}_LENGTH = ${length};
`;
  }
  if (size === 8) {
    return `
${doc}  get ${camel(name)}(): bigint {
    return (BigInt(this.#words[${at} + 1]!) << 32n) | BigInt(this.#words[${at}]!);
  }
`;
  }
  const cast = kind === 'int' ? ' | 0' : '';
  return `
${doc}  get ${camel(name)}(): number {
    return this.#words[${at}]!${cast};
  }
`;
}

/** The numbers of a header: its `#define`s, and its enums, which count from 0. (BTF has only types that a map or function mentions.) */
function constants(name: string, enums: readonly string[]): string[] {
  const header = readFileSync(`bpf/${name}.h`, 'utf8');
  const lines: string[] = [];
  for (const [, key, value] of header.matchAll(/^#define (\w+)\s+(0x[0-9a-f]+|\d+)\b/gm)) {
    lines.push(`export const ${key} = ${value};`);
  }
  for (const each of enums) {
    const body = new RegExp(`enum ${each} {([^}]*)}`).exec(header)?.[1] ?? '';
    const entries = [...body.matchAll(/^\s*(\w+),/gm)].map(([, key], value) => `  ${key}: ${value},`);
    lines.push('', `/** \`enum ${each}\`. */`, `export const ${camel(each, true)} = {`, ...entries, '} as const;');
  }
  return lines;
}

function camel(name: string, first = false): string {
  const joined = name.replace(/_+(\w)/g, (_, letter: string) => letter.toUpperCase());
  return first ? joined.charAt(0).toUpperCase() + joined.slice(1) : joined;
}
