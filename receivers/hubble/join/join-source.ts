import { type Scope, SOCKETS } from 'bpflow/sdk';
import type { SocketJoin } from './socket-join.ts';

/**
 * The sockets that flows are joined with, which come and go with the receiver that has them: looked for at each call of
 * {@link JoinSource.look}, and told of when that changes.
 */
export class JoinSource {
  readonly #join: SocketJoin;
  readonly #provider: string;
  readonly #scope: Scope;
  #told: boolean | undefined;

  constructor(join: SocketJoin, provider: string, scope: Scope) {
    this.#join = join;
    this.#provider = provider;
    this.#scope = scope;
  }

  /** Why there are no bytes now; undefined when there are. */
  get missing(): string | undefined {
    return this.#join.isReady ? undefined : missingSockets(this.#provider);
  }

  look(): void {
    this.#join.begin(this.#scope.find(SOCKETS, this.#provider), this.#scope.clock.now());
  }

  /** The receiver may start later than this one: whether it is there is told after that. */
  tell(): void {
    const { isReady } = this.#join;
    if (isReady === this.#told) return;
    this.#told = isReady;
    if (isReady) this.#scope.log.info('Flows are joined with sockets.', { receiver: this.#provider });
    else this.#scope.log.warn(`hubble_flow_bytes_total is not available: ${missingSockets(this.#provider)}.`);
  }
}

function missingSockets(provider: string): string {
  return `the receiver ${provider} has no sockets to join with; it has to run in this agent, with collect_network, where TCP can be counted`;
}
