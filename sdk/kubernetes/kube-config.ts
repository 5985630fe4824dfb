import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { asError, StartError } from '../errors.ts';
import type { ApiAccess } from './access.ts';
import { tlsOf, tokenFile } from './credentials.ts';
import type { KubernetesSettings } from './settings.ts';

type Tree = Readonly<Record<string, unknown>>;

/** The server and the credentials of a context. Throws StartError; its message never holds what the file says of users. */
export function readKubeConfig(
  { kube_config_path, context: wanted }: Pick<KubernetesSettings, 'kube_config_path' | 'context'>,
  environment: NodeJS.ProcessEnv,
): ApiAccess {
  const paths = kube_config_path === '' ? defaultPaths(environment) : [kube_config_path];
  const files = paths.map((path) => ({ folder: dirname(resolve(path)), tree: load(path) }));
  const refuse = (problem: string): never => {
    throw new StartError(`kube_config_path: ${paths.join(delimiter)}: ${problem}`);
  };
  const named = (list: string, entry: string, name: string): { readonly folder: string; readonly tree: Tree } => {
    for (const { folder, tree } of files) {
      const items = Array.isArray(tree[list]) ? (tree[list] as readonly unknown[]).map(treeOf) : [];
      const found = items.find((item) => item['name'] === name);
      if (found !== undefined) return { folder, tree: treeOf(found[entry]) };
    }
    return refuse(`there is no ${entry} "${name}"`);
  };
  const current = wanted || files.map(({ tree }) => textOf(tree['current-context'])).find((name) => name !== '');
  if (current === undefined) return refuse('there is no current-context; set `context`');
  const { tree: context } = named('contexts', 'context', current);
  const cluster = named('clusters', 'cluster', textOf(context['cluster']));
  const user = named('users', 'user', textOf(context['user']));
  for (const key of ['exec', 'auth-provider']) {
    if (user.tree[key] !== undefined) {
      refuse(
        `the user's \`${key}\` is not run; use a token, tokenFile or client certificate, or auth_type: serviceAccount`,
      );
    }
  }
  if (cluster.tree['proxy-url'] !== undefined) refuse("the cluster's `proxy-url` is not supported");
  const server = textOf(cluster.tree['server']);
  if (!URL.canParse(server)) refuse(`the server "${server}" is no URL`);
  const endpoint = new URL(server);
  return {
    endpoint,
    tls: endpoint.protocol === 'http:' ? tlsOf({ insecure: true }) : tlsOf(tlsSettings(cluster, user)),
    headers: credentials(user),
  };
}

function defaultPaths({ KUBECONFIG = '' }: NodeJS.ProcessEnv): readonly string[] {
  const paths = KUBECONFIG.split(delimiter).filter((path) => path !== '');
  return paths.length > 0 ? paths : [join(homedir(), '.kube', 'config')];
}

interface Entry {
  /** What relative paths start from. */
  readonly folder: string;
  readonly tree: Tree;
}

function tlsSettings(cluster: Entry, user: Entry): Tree {
  const ca = pem(cluster, 'certificate-authority');
  const cert = pem(user, 'client-certificate');
  const key = pem(user, 'client-key');
  const name = textOf(cluster.tree['tls-server-name']);
  return {
    ...(ca && { [`ca_${ca.kind}`]: ca.value }),
    ...(cert && { [`cert_${cert.kind}`]: cert.value }),
    ...(key && { [`key_${key.kind}`]: key.value }),
    ...(name !== '' && { server_name_override: name }),
    insecure_skip_verify: cluster.tree['insecure-skip-tls-verify'] === true,
  };
}

/** The text counts before the file, as in kubectl. */
function pem(
  { folder, tree }: Entry,
  key: string,
): { readonly kind: 'file' | 'pem'; readonly value: string } | undefined {
  const data = textOf(tree[`${key}-data`]);
  if (data !== '') return { kind: 'pem', value: Buffer.from(data, 'base64').toString('utf8') };
  const file = textOf(tree[key]);
  return file === '' ? undefined : { kind: 'file', value: resolve(folder, file) };
}

function credentials({ folder, tree }: Entry): ApiAccess['headers'] {
  const file = textOf(tree['tokenFile']);
  if (file !== '') return tokenFile(resolve(folder, file));
  const token = textOf(tree['token']);
  const user = textOf(tree['username']);
  const headers: Readonly<Record<string, string>> =
    token !== ''
      ? { authorization: `Bearer ${token}` }
      : user !== ''
        ? { authorization: `Basic ${Buffer.from(`${user}:${textOf(tree['password'])}`).toString('base64')}` }
        : {};
  return () => headers;
}

function load(path: string): Tree {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartError(`kube_config_path: ${path} cannot be read: ${asError(error).message}`, { cause: error });
  }
  try {
    return treeOf(parse(text));
  } catch {
    // The cause is left out: it quotes the line, which may be a credential.
    throw new StartError(`kube_config_path: ${path} is no valid YAML`);
  }
}

function treeOf(value: unknown): Tree {
  return typeof value === 'object' && value !== null ? (value as Tree) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
