import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { has } from './machine.ts';
import { spawnNode } from './named-node.ts';

/** An interface whose other end is in a namespace of its own, where what comes is answered. */
export class Cable implements Disposable {
  readonly name = `bpf${process.pid}`;
  readonly reason: string | false = has('ip') ? false : 'needs the command ip';
  readonly #other = `bpflow-o-${process.pid}`;

  constructor() {
    if (this.reason !== false) return;
    execFileSync('ip', ['netns', 'add', this.#other]);
    this.#ip('link', 'add', this.name, 'type', 'veth', 'peer', 'cable', 'netns', this.#other);
    this.#ip('address', 'add', '10.213.9.1/30', 'dev', this.name);
    this.#ip('link', 'set', this.name, 'up');
    this.#ip('-n', this.#other, 'address', 'add', '10.213.9.2/30', 'dev', 'cable');
    this.#ip('-n', this.#other, 'link', 'set', 'cable', 'up');
  }

  /** Lets packets be larger than a page, until that is disposed of. */
  large(): Disposable {
    const set = (bytes: string) => {
      this.#ip('link', 'set', this.name, 'mtu', bytes);
      this.#ip('-n', this.#other, 'link', 'set', 'cable', 'mtu', bytes);
    };
    set('9000');
    return { [Symbol.dispose]: () => set('1500') };
  }

  /** Forgets the neighbour's address, so that it is asked for again. */
  forget(): void {
    this.#ip('neighbour', 'flush', 'dev', this.name);
  }

  /** Sends so many datagrams of 100 bytes, each after the answer of 10 bytes to the one before. */
  async exchange(count: number): Promise<void> {
    const echo = join(import.meta.dirname, 'echo.ts');
    const server = spawnNode(process.execPath, this.#other, echo, '10.213.9.2');
    const [line] = await once(server.stdout!, 'data');
    const socket = createSocket('udp4');
    try {
      for (let i = 0; i < count; i++) {
        const answered = once(socket, 'message');
        socket.send(Buffer.alloc(100), Number(line), '10.213.9.2');
        await answered;
      }
    } finally {
      socket.close();
      server.kill();
    }
  }

  [Symbol.dispose](): void {
    if (this.reason === false) execFileSync('ip', ['netns', 'delete', this.#other]);
  }

  #ip(...args: readonly string[]): void {
    execFileSync('ip', args);
  }
}
