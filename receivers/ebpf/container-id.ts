/**
 * Container id in a cgroup path, or undefined. The last one counts: a node that is itself a container (kind) has its own id
 * further up, and a container's processes may sit in cgroups below it. Forms of Docker, containerd (CRI and nerdctl), CRI-O,
 * Podman and ECS, with the cgroupfs and the systemd driver. What only serves a container (`crio-conmon-…`) is none.
 */
export function containerIdOf(cgroupPath: string): string | undefined {
  const segments = cgroupPath.split('/');
  for (let i = segments.length - 1; i > 0; i--) {
    const segment = segments[i]!;
    if (segment.includes('conmon')) continue;
    const id = CONTAINER.exec(segment)?.[1] ?? (segments.includes('ecs') ? FARGATE.exec(segment)?.[0] : undefined);
    if (id !== undefined) return id;
  }
  return undefined;
}

/** `<id>`, `docker-<id>.scope`, `crio-<id>`, `cri-containerd-<id>.scope`, `<slice>:cri-containerd:<id>`. */
const CONTAINER = /^(?:.*[-:])?([0-9a-f]{64})(?:\.scope)?$/;

/** ECS on Fargate: `/ecs/<task>/<task>-<number>`. */
const FARGATE = /^[0-9a-f]{32}-\d+$/;
