import 'reflect-metadata/lite';
import { type DependencyContainer, container as globalContainer, instanceCachingFactory } from 'tsyringe';
import { BPF } from '../../sdk/bpf.ts';
import type { Token } from '../../sdk/tokens.ts';

/** Services under tokens. A child sees its parent's services; what it provides itself stays its own. */
export class Container {
  readonly #services: DependencyContainer;
  /** By token, for those that {@link offer} put here. */
  readonly #offers = new Map<symbol, Map<string, unknown>>();

  private constructor(services: DependencyContainer) {
    this.#services = services;
  }

  /** The root of one agent, with what the agent itself provides. The kernel half is loaded when it is first asked for. */
  static async root(): Promise<Container> {
    const { loadBpf } = await import('../../native/index.ts');
    const root = new Container(globalContainer.createChildContainer());
    root.#services.register(BPF, { useFactory: instanceCachingFactory(() => loadBpf()) });
    return root;
  }

  child(): Container {
    return new Container(this.#services.createChildContainer());
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
    let offers = this.#offers.get(token);
    if (offers === undefined) {
      if (this.#services.isRegistered(token)) return false;
      offers = new Map();
      this.#offers.set(token, offers);
      this.#services.register(token, { useValue: new Offers(offers) });
    }
    if (offers.has(provider)) return false;
    offers.set(provider, service);
    return true;
  }

  /** Takes back all that an extension offered. */
  withdraw(provider: string): void {
    for (const offers of this.#offers.values()) offers.delete(provider);
  }

  /** All services under a token, by the extension that provides each; the agent's own have the key `''`. */
  find<T>(token: Token<T>): ReadonlyMap<string, T> {
    if (!this.#services.isRegistered(token, true)) return new Map();
    const found = this.#services.resolve<unknown>(token);
    return (found instanceof Offers ? found.services : new Map([['', found]])) as ReadonlyMap<string, T>;
  }
}

/** What the container holds for a token that extensions provide. */
class Offers {
  readonly services: ReadonlyMap<string, unknown>;

  constructor(services: ReadonlyMap<string, unknown>) {
    this.services = services;
  }
}
