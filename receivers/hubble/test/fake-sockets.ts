import type { SocketFacts, Sockets } from 'bpflow/sdk';

const MS = 1_000_000n;

/** Sockets as a test says they are. Times in ms since 1970. */
export class FakeSockets implements Sockets {
  /** Questions so far. */
  asked = 0;
  #all: SocketFacts[] = [];

  /** A socket of `10.0.0.1:40000` to `10.0.0.2:8080`, unless it is said otherwise; one that is there is replaced. */
  set(
    opened: number,
    { closed, ...more }: Partial<Omit<SocketFacts, 'opened' | 'closed'>> & { readonly closed?: number } = {},
  ): void {
    const facts: SocketFacts = {
      transport: 'tcp',
      family: 'ipv4',
      localAddress: '10.0.0.1',
      localPort: 40_000,
      peerAddress: '10.0.0.2',
      peerPort: 8080,
      ownerPid: 1,
      ownerCgroupId: 1n,
      sent: 0n,
      received: 0n,
      ...more,
      opened: BigInt(opened) * MS,
      closed: closed === undefined ? undefined : BigInt(closed) * MS,
    };
    this.#all = [...this.#all.filter((other) => !isSame(other, facts)), facts];
  }

  clear(): void {
    this.#all = [];
  }

  find(tuple: Parameters<Sockets['find']>[0], from: bigint, to: bigint): readonly SocketFacts[] {
    this.asked++;
    return this.#all
      .filter((each) => isOf(each, tuple) && each.opened <= to && (each.closed === undefined || each.closed >= from))
      .sort((a, b) => Number(b.opened - a.opened));
  }

  live(): Iterable<SocketFacts> {
    return this.#all.filter(({ closed }) => closed === undefined);
  }
}

function isOf(socket: SocketFacts, tuple: Parameters<Sockets['find']>[0]): boolean {
  return (
    socket.transport === tuple.transport &&
    socket.localAddress === tuple.localAddress &&
    socket.localPort === tuple.localPort &&
    socket.peerAddress === tuple.peerAddress &&
    socket.peerPort === tuple.peerPort
  );
}

function isSame(a: SocketFacts, b: SocketFacts): boolean {
  return isOf(a, b) && a.opened === b.opened;
}
