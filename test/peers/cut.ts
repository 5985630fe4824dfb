import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can be cut. */
export class Cut implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  static async to(target: string): Promise<Cut> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const cut = new Cut(server, `127.0.0.1:${(server.address() as { port: number }).port}`);
    server.on('connection', (socket) => {
      if (cut.#isCut) {
        socket.destroy();
        return;
      }
      const upstream = connect(Number(target.split(':')[1]), '127.0.0.1');
      for (const end of [socket, upstream]) {
        cut.#sockets.add(end);
        end.on('error', () => {});
        end.on('close', () => {
          cut.#sockets.delete(end);
          socket.destroy();
          upstream.destroy();
        });
      }
      socket.pipe(upstream).pipe(socket);
    });
    return cut;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
  }
}
