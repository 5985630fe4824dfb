/** Who runs in a cgroup, as far as its path tells. */
export interface CgroupIdentity {
  /** 64 hex digits; other forms for ECS on Fargate and for containers that were started with `ctr`. */
  readonly containerId?: string;
  /** Name of a container whose runtime writes it into the path: LXC, systemd-nspawn, Nomad. */
  readonly containerName?: string;
  /** What made the container, where the path says so. */
  readonly runtime?: ContainerRuntime;
  /**
   * The pod's uid as the kubelet knows it: of a static pod that is the hash of its configuration (32 hex digits), not the
   * `metadata.uid` of its mirror in the API.
   */
  readonly podUid?: string;
  /** The systemd unit outside any container: `nginx.service`, `session-3.scope`. */
  readonly unit?: string;
  /** The unit of a user's own systemd, below `user@1000.service`. */
  readonly userUnit?: string;
}

export type ContainerRuntime = 'containerd' | 'cri-o' | 'docker' | 'podman' | 'lxc' | 'nomad' | 'systemd-nspawn';

/**
 * Reads a cgroup's path, with the cgroupfs and the systemd driver. Of several pods (kind: the node is a container) the last one
 * counts, and of it the first container, so that what a container makes below its own cgroup is the container's. Without a pod
 * the last container counts. What only serves a container (`crio-conmon-…`) is none.
 *
 *     /docker/<node>/kubelet.slice/…-pod<uid>.slice/cri-containerd-<id>.scope/init.scope
 *                                       pod ──┘              container ──┘
 */
export function identifyCgroup(path: string): CgroupIdentity {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '..');
  const pod = segments.findLastIndex((segment) => podUidOf(segment) !== undefined);
  if (pod >= 0) {
    const podUid = podUidOf(segments[pod]!)!;
    // `<pod>.slice:cri-containerd:<id>` is both.
    const below = segments[pod]!.includes(':') ? segments.slice(pod) : segments.slice(pod + 1);
    return { podUid, ...first(below.keys(), (i) => containerAt(below, i)) };
  }
  const last = segments.map((_, i) => segments.length - 1 - i);
  return first(last, (i) => containerAt(segments, i)) ?? named(segments) ?? unitsOf(segments);
}

type Container = Pick<CgroupIdentity, 'containerId' | 'runtime'>;

function containerAt(segments: readonly string[], at: number): Container | undefined {
  const segment = segments[at]!;
  const above = segments[at - 1];
  const [, prefix = '', id] = CONTAINER.exec(segment) ?? [];
  if (id !== undefined && !prefix.includes('conmon')) return { containerId: id, ...runtimeOf(prefix, above) };
  if (segments[0] === 'ecs' && FARGATE.test(segment)) return { containerId: segment };
  if (above === 'default' && at === 1) return { containerId: segment, runtime: 'containerd' };
  return undefined;
}

/** `<id>`, `docker-<id>.scope`, `crio-<id>`, `cri-containerd-<id>.scope`, `<slice>:cri-containerd:<id>`. */
const CONTAINER = /^(?:(.*)[-:])?([0-9a-f]{64})(?:\.scope)?$/;

/** ECS on Fargate: `/ecs/<task>/<task>-<number>`. */
const FARGATE = /^[0-9a-f]{32}-\d+$/;

/** `pod<uid>`, `kubepods-burstable-pod<uid with _>.slice`, `kubelet-kubepods-pod<uid with _>.slice` (kind), with `:…` behind it. */
const POD = /^(?:.*-)?pod([0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?(?::.*)?$/;

function podUidOf(segment: string): string | undefined {
  return POD.exec(segment)?.[1]?.replaceAll('_', '-');
}

function runtimeOf(prefix: string, above: string | undefined): { readonly runtime?: ContainerRuntime } {
  const name = prefix.slice(prefix.lastIndexOf(':') + 1) || above;
  switch (name) {
    case 'cri-containerd':
    case 'nerdctl':
    case 'k8s.io':
      return { runtime: 'containerd' };
    case 'crio':
      return { runtime: 'cri-o' };
    case 'docker':
      return { runtime: 'docker' };
    case 'libpod':
      return { runtime: 'podman' };
    default:
      return {};
  }
}

/** Containers that are known by a name instead of an id. */
function named(segments: readonly string[]): CgroupIdentity | undefined {
  for (const segment of segments) {
    const lxc = /^lxc\.payload\.(.+)$/.exec(segment)?.[1];
    if (lxc !== undefined) return { containerName: lxc, runtime: 'lxc' };
    const machine = /^machine-(.+)\.scope$/.exec(segment)?.[1];
    if (machine !== undefined) return { containerName: unescaped(machine), runtime: 'systemd-nspawn' };
  }
  const task = segments[0] === 'nomad.slice' ? /^[0-9a-f-]{36}\.(.+)\.scope$/.exec(segments.at(-1)!)?.[1] : undefined;
  return task === undefined ? undefined : { containerName: task, runtime: 'nomad' };
}

/** Slices only sort; the first unit below them is the one, whatever it makes below its own cgroup. */
function unitsOf(segments: readonly string[]): CgroupIdentity {
  const at = segments.findIndex((segment) => !segment.endsWith('.slice'));
  const unit = segments[at];
  if (unit === undefined || !UNIT.test(unit)) return {};
  const userUnit = unit.startsWith('user@') ? segments.slice(at + 1).find((segment) => UNIT.test(segment)) : undefined;
  return { unit: unescaped(unit), ...(userUnit !== undefined && { userUnit: unescaped(userUnit) }) };
}

const UNIT = /^[^/]+\.(?:service|scope|mount|socket|swap)$/;

/** systemd writes `-` in names as `\x2d`. */
function unescaped(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function first<K, T>(keys: Iterable<K>, find: (key: K) => T | undefined): T | undefined {
  for (const key of keys) {
    const found = find(key);
    if (found !== undefined) return found;
  }
  return undefined;
}
