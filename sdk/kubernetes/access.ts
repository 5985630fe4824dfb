import { join } from 'node:path';
import type { TlsClientSettings } from '../transport/tls-settings.ts';
import { tlsOf, tokenFile } from './credentials.ts';
import { readKubeConfig } from './kube-config.ts';
import type { KubernetesSettings } from './settings.ts';

/** Where an API server is, and how it lets somebody in. */
export interface ApiAccess {
  readonly endpoint: URL;
  /** Undefined without TLS. */
  readonly tls: TlsClientSettings | undefined;
  /** Credentials for one request; files are read anew for each. Throws when they cannot be read. */
  headers(): Readonly<Record<string, string>>;
}

/** There is no cluster to talk to. */
export class OffCluster extends Error {
  override readonly name = 'OffCluster';
}

/** Throws OffCluster outside a pod, StartError for settings that cannot work. */
export function findAccess(settings: KubernetesSettings, environment: NodeJS.ProcessEnv = process.env): ApiAccess {
  switch (settings.auth_type) {
    case 'serviceAccount':
      return serviceAccount(inCluster(environment), settings.service_account_path);
    case 'none':
      return { endpoint: inCluster(environment), tls: tlsOf({ insecure_skip_verify: true }), headers: () => ({}) };
    case 'kubeConfig':
      return readKubeConfig(settings, environment);
    case 'kubelet':
      return kubelet(settings);
    default:
      return settings.auth_type satisfies never;
  }
}

/** A token that the kubelet renews. */
function serviceAccount(endpoint: URL, folder: string): ApiAccess {
  return { endpoint, tls: tlsOf({ ca_file: join(folder, 'ca.crt') }), headers: tokenFile(join(folder, 'token')) };
}

function kubelet({
  kubelet: { endpoint, ca_file, insecure_skip_verify },
  service_account_path,
}: KubernetesSettings): ApiAccess {
  const url = new URL(endpoint);
  if (url.protocol === 'http:') return { endpoint: url, tls: tlsOf({ insecure: true }), headers: () => ({}) };
  const ca = ca_file === '' ? join(service_account_path, 'ca.crt') : ca_file;
  const tls = insecure_skip_verify ? tlsOf({ insecure_skip_verify }) : tlsOf({ ca_file: ca });
  return { endpoint: url, tls, headers: tokenFile(join(service_account_path, 'token')) };
}

function inCluster({
  KUBERNETES_SERVICE_HOST: host = '',
  KUBERNETES_SERVICE_PORT: port = '443',
}: NodeJS.ProcessEnv): URL {
  if (host === '') {
    throw new OffCluster('KUBERNETES_SERVICE_HOST is not set, so this is no pod. Elsewhere use auth_type: kubeConfig.');
  }
  return new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
}
