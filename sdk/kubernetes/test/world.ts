import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { Kubernetes, PodFacts } from '../../kubernetes.ts';
import { type FakeScope, fakeScope } from '../../testing/index.ts';
import type { ApiContainer, ApiPod } from '../api-objects.ts';
import { type OpenKubernetes, type OpenKubernetesOptions, openKubernetes } from '../open-kubernetes.ts';
import { connectionFields, podFilterField } from '../settings.ts';
import { FakeApiServer } from './fake-api-server.ts';

const settingsSchema = z.object({ ...connectionFields(), filter: podFilterField() });

/** A fake API server behind a kubeconfig, and a cache that asks it. Time passes only in {@link until} and by the clock. */
export class World implements AsyncDisposable {
  readonly scope: FakeScope = fakeScope('extension', 'kubernetes');
  readonly server: FakeApiServer;
  readonly folder = mkdtempSync(join(tmpdir(), 'bpflow-kubernetes-'));
  readonly opened: OpenKubernetes;

  private constructor(server: FakeApiServer, options: WorldOptions) {
    this.server = server;
    const { settings = {}, endpoints = false, maxPods = 50_000, ...rest } = options;
    const parsed = settingsSchema.parse({ auth_type: 'kubeConfig', kube_config_path: this.#kubeConfig(), ...settings });
    const open = { random: () => 0.5, ...rest };
    this.opened = openKubernetes({ ...parsed, endpoints, max_pods: maxPods }, this.scope, open);
  }

  static async start(options: WorldOptions = {}, prepare: (server: FakeApiServer) => void = () => {}): Promise<World> {
    const server = await FakeApiServer.start();
    prepare(server);
    return new World(server, options);
  }

  get kubernetes(): Kubernetes {
    return this.opened.kubernetes;
  }

  get tokenFile(): string {
    return join(this.folder, 'token');
  }

  /** Starts to read. */
  start(): void {
    this.opened.start();
    this.scope.clock.advance(20);
  }

  /** Starts, and waits until the pods are known. */
  async ready(): Promise<this> {
    this.start();
    await this.until(() => this.kubernetes.synced, 'the pods are known');
    return this;
  }

  /** Lets time pass, if asked for, until it is so. */
  async until(isSo: () => boolean, what: string, stepMs = 0): Promise<void> {
    for (let i = 0; i < 2000; i++) {
      if (isSo()) return;
      if (stepMs > 0) this.scope.clock.advance(stepMs);
      await wait(2);
    }
    assert.fail(`It never was so that ${what}; ${JSON.stringify(this.scope.lastHealth)}`);
  }

  names(): readonly string[] {
    return [...this.kubernetes.pods()].map(({ name }) => name).sort();
  }

  pod(name: string): PodFacts | undefined {
    return [...this.kubernetes.pods()].find((pod) => pod.name === name);
  }

  /** Errors counted so far, by reason. */
  errors(kind = 'pods'): Readonly<Record<string, number>> {
    const view = this.scope.view('kubernetes') as { kinds: Record<string, { errors: Record<string, number> }> };
    return view.kinds[kind]?.errors ?? {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.stop();
    await this.server[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
  }

  #kubeConfig(): string {
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(this.tokenFile, 'first\n');
    const path = join(this.folder, 'config');
    const config = {
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      clusters: [{ name: 'k', cluster: { server: `http://127.0.0.1:${this.server.port}` } }],
      users: [{ name: 'u', user: { tokenFile: 'token' } }],
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }
}

export interface WorldOptions extends OpenKubernetesOptions {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly endpoints?: boolean;
  readonly maxPods?: number;
}

/** A running pod of the Deployment `web`. */
export function pod(name: string, changes: PodChanges = {}): ApiPod {
  const { metadata, spec, status } = changes;
  return {
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web', team: 'a', 'pod-template-hash': '67bd7dcb4f' },
      annotations: { owner: 'me', checksum: 'x' },
      ownerReferences: [
        { kind: 'Thing', name: 'other', uid: 'o' },
        { kind: 'ReplicaSet', name: 'web-67bd7dcb4f', uid: 'rs', controller: true },
      ],
      ...metadata,
    },
    spec: { nodeName: 'node-1', ...spec },
    status: {
      phase: 'Running',
      podIP: '10.0.0.7',
      podIPs: [{ ip: '10.0.0.7' }, { ip: 'fd00::7' }],
      startTime: '2026-01-01T00:00:01Z',
      containerStatuses: [container(`${name}-app`)],
      ...status,
    },
  };
}

interface PodChanges {
  readonly metadata?: ApiPod['metadata'];
  readonly spec?: ApiPod['spec'];
  readonly status?: ApiPod['status'];
}

export function container(id: string, changes: Partial<ApiContainer> = {}): ApiContainer {
  return {
    name: 'app',
    containerID: `containerd://${id}`,
    image: 'web:1',
    imageID: 'docker.io/web@sha256:ab',
    restartCount: 0,
    ...changes,
  };
}
