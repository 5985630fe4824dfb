import 'reflect-metadata/lite';
import { type DependencyContainer, container as globalContainer, instanceCachingFactory } from 'tsyringe';
import { BPF } from '../../sdk/bpf.ts';
import { HOST_MEMORY, type HostMemory } from '../../sdk/host-memory.ts';
import type { Token } from '../../sdk/tokens.ts';

/**
 * Services under tokens: the agent's own, those that extensions offer, and those of other components that run. A reload
 * prepares its offers on a stage of their own, beside those in force, until it adopts them; what runs is the same on all stages.
 */
export class Container {
  readonly #services: DependencyContainer;
  readonly #running: Map<symbol, Map<string, unknown>>;
  #offers: Offers = { byToken: new Map() };

  private constructor(services: DependencyContainer, running: Map<symbol, Map<string, unknown>>) {
    this.#services = services;
    this.#running = running;
  }

  /** The root of one agent, with what the agent itself provides. The kernel half is loaded when it is first asked for. */
  static async root(): Promise<Container> {
    const { loadBpf, loadHostMemory } = await import('../../native/index.ts');
    const root = new Container(globalContainer.createChildContainer(), new Map());
    root.#services.register(BPF, { useFactory: instanceCachingFactory(() => loadBpf()) });
    root.#services.register(HOST_MEMORY, { useFactory: instanceCachingFactory(() => loadHostMemory()) });
    return root;
  }

  /** The agent's own services and what runs, and no offers yet. */
  stage(): Container {
    return new Container(this.#services, this.#running);
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
    if (this.isOwn(token)) return false;
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

  /** Whether the agent itself provides the token. */
  isOwn(token: symbol): boolean {
    return this.#services.isRegistered(token, true);
  }

  /** A service of a component that runs, in place of one that another instance of it has published. */
  publish(token: symbol, service: unknown, provider: string): void {
    const running = this.#running.get(token) ?? new Map<string, unknown>();
    this.#running.set(token, running.set(provider, service));
  }

  /** Takes a service back, unless another one has its place by now. */
  withdraw(token: symbol, service: unknown, provider: string): void {
    const running = this.#running.get(token);
    if (running !== undefined && running.get(provider) === service) running.delete(provider);
  }

  /**
   * Services under a token that stay the same until a reload, by the extension that provides each; the agent's own have the
   * key `''`.
   */
  lasting<T>(token: Token<T>): ReadonlyMap<string, T> {
    const found = this.isOwn(token)
      ? new Map([['', this.#services.resolve<T>(token)]])
      : this.#offers.byToken.get(token);
    return (found ?? new Map()) as ReadonlyMap<string, T>;
  }

  /** All services under a token, by the component that provides each; the agent's own have the key `''`. */
  find<T>(token: Token<T>): ReadonlyMap<string, T> {
    const lasting = this.lasting(token);
    const running = this.#running.get(token) as ReadonlyMap<string, T> | undefined;
    return running === undefined || running.size === 0 ? lasting : new Map([...running, ...lasting]);
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
