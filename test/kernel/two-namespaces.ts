import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { has, skip } from './machine.ts';

/** Two network namespaces joined by a cable, neither of which is the agent's. Removed at the end. */
export class TwoNamespaces {
  readonly server = `bpflow-s-${process.pid}`;
  readonly client = `bpflow-c-${process.pid}`;
  /** Of the server, in its namespace. */
  readonly address: string;
  readonly clientAddress: string;
  /** Why there are none; false when there are. For node:test's `skip`. */
  readonly reason: string | false;

  /** `network`: its number, for tests that must not meet the same addresses elsewhere. */
  constructor(network = 7) {
    this.address = `10.213.${network}.1`;
    this.clientAddress = `10.213.${network}.2`;
    this.reason = skip || !has('ip') ? skip || 'needs the command ip' : false;
    if (this.reason !== false) return;
    try {
      for (const name of [this.server, this.client]) execFileSync('ip', ['netns', 'add', name]);
      this.#ip('link', 'add', 'cable', 'netns', this.server, 'type', 'veth', 'peer', 'cable', 'netns', this.client);
      for (const [name, address] of [
        [this.server, this.address],
        [this.client, this.clientAddress],
      ] as const) {
        this.#ip('-n', name, 'address', 'add', `${address}/30`, 'dev', 'cable');
        this.#ip('-n', name, 'link', 'set', 'cable', 'up');
        this.#ip('-n', name, 'link', 'set', 'lo', 'up');
      }
    } catch (error) {
      this[Symbol.dispose]();
      this.reason = `needs network namespaces that may be made here: ${String(error).slice(0, 200)}`;
    }
  }

  /** Path of a namespace, to be joined. */
  path(name: string): string {
    return `/run/netns/${name}`;
  }

  /** Runs a command in a namespace and returns what it prints. */
  run(name: string, ...command: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', name, ...command], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  }

  /** Gives a namespace a DNS server, until that is disposed of. */
  resolver(name: string, server: string): Disposable & { readonly path: string } {
    const folder = `/etc/netns/${name}`;
    mkdirSync(folder, { recursive: true });
    const path = `${folder}/resolv.conf`;
    writeFileSync(path, `nameserver ${server}\n`);
    return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  }

  /** TCP's own counters of a namespace. */
  tcp(name: string): Readonly<Record<string, number>> {
    const [names, values] = this.run(name, 'cat', '/proc/net/snmp')
      .split('\n')
      .filter((line) => line.startsWith('Tcp:'))
      .map((line) => line.split(' '));
    return Object.fromEntries(names!.slice(1).map((each, i) => [each, Number(values![i + 1])]));
  }

  /** Runs a server, waits until it listens, then a client, until both have ended. Returns what the client prints. */
  async talk(server: readonly string[], client: readonly string[]): Promise<string> {
    const serving = spawn(server[0]!, server.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    const served = once(serving, 'close');
    await Promise.race([once(serving.stdout, 'data'), served]);
    const calling = spawn(client[0]!, client.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    calling.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    for (const [code] of [await once(calling, 'close'), await served]) {
      if (code !== 0) throw new Error(`${client.join(' ')} or its server ended with ${code}.`);
    }
    return told;
  }

  [Symbol.dispose](): void {
    for (const name of [this.server, this.client]) {
      try {
        execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
      } catch {
        // It was never made.
      }
    }
  }

  #ip(...args: readonly string[]): void {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }
}
