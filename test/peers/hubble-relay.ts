import { HubbleServer } from './hubble-server.ts';
import { freeAddresses, RunningProgram, until } from './program.ts';
import { pathOf } from './programs.ts';

export interface HubbleRelayOptions {
  /** To its clients. */
  readonly tls?: 'none' | 'TLS' | 'mutual TLS';
  /** One of the flows that wait to be sorted is let go so often; its own default is 1 s. */
  readonly drainMs?: number;
}

/** Cilium's own relay over two servers, which it finds by the peer service of the first. */
export class HubbleRelay implements AsyncDisposable {
  readonly address: string;
  readonly #program: RunningProgram;

  private constructor(program: RunningProgram, address: string) {
    this.#program = program;
    this.address = address;
  }

  /** `peerService`: the mTLS address of a server. */
  static async start(folder: string, peerService: string, options: HubbleRelayOptions = {}): Promise<HubbleRelay> {
    const { tls = 'none', drainMs = 1000 } = options;
    const [listen, health] = (await freeAddresses(2)) as [string, string];
    const program = new RunningProgram([
      pathOf('hubble-relay'),
      ...['serve', '--gops=false', '--cluster-name', 'demo', '--peer-service', peerService],
      ...['--listen-address', listen, '--health-listen-address', health],
      ...['--retry-timeout', '500ms', '--sort-buffer-drain-timeout', `${drainMs}ms`],
      ...(tls === 'none' ? ['--disable-server-tls'] : serverCertificate(folder)),
      ...(tls === 'mutual TLS' ? ['--tls-relay-client-ca-files', `${folder}/ca.crt`] : []),
      ...[
        '--tls-hubble-client-cert-file',
        `${folder}/relay.crt`,
        '--tls-hubble-client-key-file',
        `${folder}/relay.key`,
      ],
      ...['--tls-hubble-server-ca-files', `${folder}/ca.crt`],
    ]);
    await until(
      () => /Starting gRPC server/.test(program.log + program.output),
      () => `The relay did not start:\n${program.log}${program.output}`,
      () => program.hasEnded,
    );
    return new HubbleRelay(program, listen);
  }

  get log(): string {
    return this.#program.log + this.#program.output;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}

function serverCertificate(folder: string): readonly string[] {
  return [
    ...['--tls-relay-server-cert-file', `${folder}/relay.crt`],
    ...['--tls-relay-server-key-file', `${folder}/relay.key`],
  ];
}

/** Two nodes of one cluster: the second is at another address of this machine, at the same port, as nodes are. */
export async function twoNodes(folder: string): Promise<readonly [HubbleServer, HubbleServer]> {
  const addresses = await freeAddresses(4);
  const port = addresses[2]!.split(':')[1]!;
  const announce = ['-peer-tls', '-peer-port', port, '-peers', 'node-b=127.0.0.2'];
  const first = await HubbleServer.start({ folder, addresses, ring: 65_535, more: announce });
  return [first, await secondNode(folder, first)];
}

/** The second node of {@link twoNodes}, also after it was killed. */
export async function secondNode(folder: string, first: HubbleServer): Promise<HubbleServer> {
  const [plain, tls, stats] = (await freeAddresses(3)) as [string, string, string];
  const mtls = `127.0.0.2:${first.mtls.split(':')[1]}`;
  return HubbleServer.start({ folder, name: 'node-b', addresses: [plain, tls, mtls, stats], ring: 65_535 });
}
