import type { AttributeValue } from 'bpflow/sdk';
import { CredentialId, NamespaceBody, NamespaceStep, NamespaceType, PrivilegeBody } from '../../../bpf/events.gen.ts';
import { CAPABILITIES } from './capabilities.ts';
import type { EventRecord, Told } from './record.ts';

const namespaces = new NamespaceBody();
const privilege = new PrivilegeBody();

const TYPES: readonly (readonly [name: string, place: number])[] = [
  ['cgroup', NamespaceType.NAMESPACE_CGROUP],
  ['ipc', NamespaceType.NAMESPACE_IPC],
  ['mnt', NamespaceType.NAMESPACE_MOUNT],
  ['net', NamespaceType.NAMESPACE_NETWORK],
  ['pid', NamespaceType.NAMESPACE_PID],
  ['time', NamespaceType.NAMESPACE_TIME],
  ['user', NamespaceType.NAMESPACE_USER],
  ['uts', NamespaceType.NAMESPACE_UTS],
];

/** Which namespaces a process has now that it, or its parent, did not have before. */
export function tellNamespaces(record: EventRecord): Told {
  const { words } = record;
  const { step } = namespaces.move(words, record.body);
  const before = record.body + NamespaceBody.WORD.before;
  const after = record.body + NamespaceBody.WORD.after;
  const changed = TYPES.filter(([, place]) => words[before + place] !== words[after + place]);
  const types = changed.map(([name]) => name);
  const joins = step === NamespaceStep.NAMESPACE_SETNS;
  const call = step === NamespaceStep.NAMESPACE_CLONE ? 'clone' : joins ? 'setns' : 'unshare';
  return {
    name: 'process.namespaces',
    severity: 'INFO',
    importance: joins ? 0.7 : 0.6,
    what: `${joins ? 'joined' : 'has new'} namespaces: ${types.join(', ')}`,
    attributes: {
      'ebpf.namespace.types': types,
      'ebpf.namespace.call': call,
      ...Object.fromEntries(
        changed.flatMap(([name, place]): [string, AttributeValue][] => [
          [`ebpf.namespace.${name}.id`, words[after + place]!],
          [`ebpf.namespace.${name}.previous_id`, words[before + place]!],
        ]),
      ),
    },
  };
}

const IDS: readonly (readonly [name: string, place: number])[] = [
  ['process.real_user.id', CredentialId.USER_REAL],
  ['process.user.id', CredentialId.USER_EFFECTIVE],
  ['process.saved_user.id', CredentialId.USER_SAVED],
  ['ebpf.process.file_user.id', CredentialId.USER_FILE],
  ['ebpf.process.real_group.id', CredentialId.GROUP_REAL],
  ['ebpf.process.user_group.id', CredentialId.GROUP_EFFECTIVE],
  ['ebpf.process.saved_group.id', CredentialId.GROUP_SAVED],
  ['ebpf.process.file_group.id', CredentialId.GROUP_FILE],
];

/** What a process may do now. `syscall`: the name of a call. Who gets more than it had is told louder. */
export function tellPrivilege(record: EventRecord, syscall: (call: number) => string): Told {
  const { words } = record;
  const body = privilege.move(words, record.body);
  const before = record.body + PrivilegeBody.WORD.idsBefore;
  const after = record.body + PrivilegeBody.WORD.idsAfter;
  const changed = IDS.filter(([, place]) => words[before + place] !== words[after + place]);
  const added = body.permittedAfter & ~body.permittedBefore;
  const removed = body.permittedBefore & ~body.permittedAfter;
  const user = CredentialId.USER_EFFECTIVE;
  const rises = added !== 0n || (words[before + user] !== 0 && words[after + user] === 0);
  const call = syscall(body.syscall);
  return {
    name: 'process.privileges',
    severity: rises ? 'WARN' : 'INFO',
    importance: rises ? 0.9 : 0.4,
    what: `${rises ? 'got more' : 'changed its'} privileges by ${call}`,
    attributes: {
      'ebpf.privilege.call': call,
      'ebpf.privilege.rises': rises,
      ...Object.fromEntries(
        changed.flatMap(([name, place]): [string, AttributeValue][] => [
          [name, words[after + place]!],
          [name.replace(/^(ebpf\.)?process\./, 'ebpf.privilege.previous.'), words[before + place]!],
        ]),
      ),
      ...named('ebpf.privilege.capabilities.added', added),
      ...named('ebpf.privilege.capabilities.removed', removed),
      ...named('ebpf.privilege.capabilities.raised', body.effectiveAfter & ~body.effectiveBefore),
      ...named('ebpf.privilege.capabilities.lowered', body.effectiveBefore & ~body.effectiveAfter),
    },
  };
}

/** Nothing for none. */
function named(attribute: string, bits: bigint): Readonly<Record<string, AttributeValue>> {
  if (bits === 0n) return {};
  const names: string[] = [];
  for (let bit = 0; bit < 64; bit++) if ((bits >> BigInt(bit)) & 1n) names.push(CAPABILITIES[bit] ?? `cap_${bit}`);
  return { [attribute]: names };
}
