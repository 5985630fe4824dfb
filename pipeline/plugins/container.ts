import 'reflect-metadata/lite';
import { type DependencyContainer, container as globalContainer, instanceCachingFactory } from 'tsyringe';
import { BPF } from '../../sdk/bpf.ts';
import { HOST_MEMORY, type HostMemory } from '../../sdk/host-memory.ts';
import type { Token } from '../../sdk/tokens.ts';

/**
 * Services under tokens: the agent's own, and those that extensions offer. A reload prepares its offers on a stage of their
 * own, beside those in force, until it adopts them.
 */
export class Container {
  readonly #services: DependencyContainer;
  #offers: Offers = { byToken: new Map() };

  private constructor(services: DependencyContainer) {
    this.#services = services;
  }

  /** The root of one agent, with what the agent itself provides. The kernel half is loaded when it is first asked for. */
  static async root(): Promise<Container> {
    const { loadBpf, loadHostMemory } = await import('../../native/index.ts');
    const root = new Container(globalContainer.createChildContainer());
    root.#services.register(BPF, { useFactory: instanceCachingFactory(() => loadBpf()) });
    root.#services.register(HOST_MEMORY, { useFactory: instanceCachingFactory(() => loadHostMemory()) });
    return root;
  }

  /** The agent's own services, and no offers yet. */
  stage(): Container {
    return new Container(this.#services);
  }

  /** The offers of the stage are in force from now on. Whoever was given the stage and whoever has this sees the same. */
  adopt(stage: Container): void {
    this.#offers.byToken = stage.#offers.byToken;
    stage.#offers = this.#offers;
  }

  /** A service of the agent itself. */
  provide<T>(token: Token<T>, service: T): void {
    this.#services.register<T>(token, { useValue: service });
  }

  /**
   * A service of the extension `provider`, found under the token beside those of others. False when the agent itself, or
   * the same extension, provides the token already; the old one stays.
   */
  offer<T>(token: Token<T>, service: T, provider: string): boolean {
    if (this.#services.isRegistered(token)) return false;
    const offers = this.#offers.byToken.get(token) ?? new Map<string, unknown>();
    this.#offers.byToken.set(token, offers);
    if (offers.has(provider)) return false;
    offers.set(provider, service);
    return true;
  }

  /** Offers what an extension offers elsewhere here too. */
  keep(provider: string, from: Container): void {
    for (const [token, offers] of from.#offers.byToken) {
      if (offers.has(provider)) this.offer(token, offers.get(provider), provider);
    }
  }

  /** All services under a token, by the extension that provides each; the agent's own have the key `''`. */
  find<T>(token: Token<T>): ReadonlyMap<string, T> {
    const found = this.#services.isRegistered(token, true)
      ? new Map([['', this.#services.resolve<T>(token)]])
      : this.#offers.byToken.get(token);
    return (found ?? new Map()) as ReadonlyMap<string, T>;
  }
}

/** For the command line, which has no container. */
export async function hostMemory(): Promise<HostMemory> {
  const { loadHostMemory } = await import('../../native/index.ts');
  return loadHostMemory();
}

/** By token, then by the extension that provides it. One object for all who share it. */
interface Offers {
  byToken: Map<symbol, Map<string, unknown>>;
}
