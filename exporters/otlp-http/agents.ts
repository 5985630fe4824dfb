import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { type Logger, StartError } from 'bpflow/sdk';
import type { ClientTls } from 'bpflow/transport';
import type { OtlpHttpConfig } from './config.ts';

type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** The connections that are kept: one pool for each scheme, that of https made anew when the TLS files have changed. */
export class Agents {
  readonly #config: OtlpHttpConfig;
  readonly #tls: ClientTls;
  #plain: Agent | undefined;
  #secure: SecureAgent | undefined;
  #changed: number;

  /** Throws StartError when a proxy is configured that this Node.js cannot use. */
  constructor(config: OtlpHttpConfig, tls: ClientTls, log: Logger) {
    this.#config = config;
    this.#tls = tls;
    this.#changed = tls.changed;
    if (canProxy()) return;
    if (config.proxy_url !== undefined) {
      throw new StartError('proxy_url needs Node.js 22.21 or 24.5; run a newer one, or leave proxy_url out.');
    }
    if (process.env['HTTPS_PROXY'] ?? process.env['HTTP_PROXY']) {
      log.warn('The proxies of the environment are not used: that needs Node.js 22.21 or 24.5.');
    }
  }

  /** The agent for requests to this URL. */
  for(url: URL): Agent {
    if (url.protocol === 'http:') {
      this.#plain ??= new Agent(this.#options());
      return this.#plain;
    }
    if (this.#tls.changed !== this.#changed && this.#secure !== undefined) {
      this.#changed = this.#tls.changed;
      closeIdle(this.#secure);
      this.#secure = undefined;
    }
    this.#secure ??= new SecureAgent({ ...this.#options(), ...this.#tls.connectOptions() });
    return this.#secure;
  }

  /** Closes all connections. Safe twice. */
  close(): void {
    this.#plain?.destroy();
    this.#secure?.destroy();
  }

  #options() {
    const { max_idle_conns, max_idle_conns_per_host, max_conns_per_host, idle_conn_timeout } = this.#config;
    const { proxy_url, disable_keep_alives } = this.#config;
    const proxyEnv: ProxyEnvironment =
      proxy_url === undefined ? environment() : { HTTP_PROXY: proxy_url, HTTPS_PROXY: proxy_url };
    const keepsIdle = max_idle_conns >= 0 && max_idle_conns_per_host >= 0;
    return {
      keepAlive: !disable_keep_alives && keepsIdle,
      maxSockets: max_conns_per_host > 0 ? max_conns_per_host : Number.POSITIVE_INFINITY,
      maxFreeSockets: keepsIdle ? max_idle_conns_per_host || max_idle_conns || MANY : 0,
      ...(idle_conn_timeout > 0 ? { timeout: idle_conn_timeout } : {}),
      proxyEnv,
    };
  }
}

const MANY = 10_000;

/** The proxies of the environment, never for this machine itself, as in Go. */
function environment(): ProxyEnvironment {
  const pick = (name: string): string | undefined => process.env[name.toLowerCase()] || process.env[name];
  const never = [pick('NO_PROXY'), 'localhost', '127.0.0.1', '::1'].filter(Boolean).join(',');
  return { HTTP_PROXY: pick('HTTP_PROXY'), HTTPS_PROXY: pick('HTTPS_PROXY'), NO_PROXY: never };
}

function canProxy(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
}

/** What is on its way may end. */
function closeIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  agent.maxFreeSockets = 0;
}
