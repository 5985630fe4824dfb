/** The door for components that name containers: cgroups, and what container runtimes leave on the machine. */

export * from './cgroup-identity.ts';
export * from './cgroup-mount.ts';
export * from './cgroup-paths.ts';
export * from './local-containers.ts';
