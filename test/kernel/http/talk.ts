import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linked, spawnNode } from '../named-node.ts';

/** What a client says that it did. */
export interface ClientTruth {
  readonly requests: number;
  readonly methods?: Readonly<Record<string, number>>;
  readonly statuses?: Readonly<Record<string, number>>;
  readonly shortestMs?: number;
}

export interface Served {
  readonly address: string;
  readonly port: number;
}

/** The server and the clients of this folder, each under a name of its own. Removed at the end. */
export class HttpTalk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bpflow-http-'));
  readonly #servers: ChildProcess[] = [];

  /** Starts a server under a name, in a network namespace unless that is undefined, and waits until it listens. */
  async serve(name: string, address: string, namespace?: string): Promise<Served> {
    const server = spawnNode(this.#link(name), namespace, join(import.meta.dirname, 'server.ts'), address);
    this.#servers.push(server);
    const [first] = await Promise.race([once(server.stdout!, 'data'), once(server, 'exit')]);
    const port = Number(/^ready (\d+)\n$/.exec(String(first))?.[1]);
    if (!(port > 0)) throw new Error(`No HTTP server at ${address}: ${first}`);
    return { address, port };
  }

  /** Runs a client (see client.ts) under a name, and returns what it prints. */
  async ask(name: string, at: Served, mode: string, count: number, namespace?: string): Promise<ClientTruth> {
    const client = await this.begin(name, at, mode, count, namespace);
    return client.end();
  }

  /** The same in two steps: modes that begin with `older` wait before the second one, all else is done at once. */
  async begin(name: string, { address, port }: Served, mode: string, count: number, namespace?: string) {
    const args = [address, String(port), mode, String(count)];
    const client = spawnNode(this.#link(name), namespace, join(import.meta.dirname, 'client.ts'), ...args);
    let output = '';
    client.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const closed = once(client, 'close');
    if (mode.startsWith('older')) await Promise.race([once(client.stdout!, 'data'), closed]);
    return {
      end: async (): Promise<ClientTruth> => {
        client.stdin!.end('go\n');
        const [code] = await closed;
        if (code !== 0) throw new Error(`${mode} ended with ${code}.`);
        return JSON.parse(output.slice(output.lastIndexOf('\n') + 1));
      },
    };
  }

  #link(name: string): string {
    return linked(this.#folder, name, process.execPath);
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
