import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linked, spawnNode } from '../named-node.ts';

/** What a client says that it did. */
export interface ClientTruth {
  readonly answered?: number;
  readonly shortestMs?: number;
}

/** The server and the clients of this folder, each client under a name of its own. Removed at the end. */
export class DnsTalk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bpflow-dns-'));
  readonly #servers: ChildProcess[] = [];

  /** Starts a server at an address, in a network namespace unless that is undefined, and waits until it listens. */
  async serve(address: string, namespace?: string, port = 53): Promise<void> {
    const server = spawnNode(
      process.execPath,
      namespace,
      join(import.meta.dirname, 'server.ts'),
      address,
      String(port),
    );
    this.#servers.push(server);
    const [first] = await Promise.race([once(server.stdout!, 'data'), once(server, 'exit')]);
    if (String(first) !== 'ready\n') throw new Error(`No DNS server at ${address}: ${first}`);
  }

  /** Runs a client (see client.ts) under a name, and returns what it prints. */
  async ask(name: string, address: string, mode: string, count: number, namespace?: string): Promise<ClientTruth> {
    const client = spawnNode(
      this.link(process.execPath, name),
      namespace,
      join(import.meta.dirname, 'client.ts'),
      address,
      mode,
      String(count),
    );
    let output = '';
    client.stdout!.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code] = await once(client, 'close');
    if (code !== 0) throw new Error(`${mode} ended with ${code}.`);
    return JSON.parse(output);
  }

  /** Path of a program, or a command, under another name. */
  link(program: string, name: string): string {
    const original = program.includes('/') ? program : execFileSync('which', [program]).toString().trim();
    return linked(this.#folder, name, original);
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers) server.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
