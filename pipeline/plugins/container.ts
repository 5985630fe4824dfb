import 'reflect-metadata/lite';
import { type DependencyContainer, container as globalContainer, instanceCachingFactory } from 'tsyringe';
import { BPF } from '../../sdk/bpf.ts';
import type { Token } from '../../sdk/tokens.ts';

/** Services under tokens. A child sees its parent's services; what it provides itself stays its own. */
export class Container {
  readonly #services: DependencyContainer;

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

  /** False when this container has a service under the token already; the old one stays. */
  provide<T>(token: Token<T>, service: T): boolean {
    if (this.#services.isRegistered(token)) return false;
    this.#services.register<T>(token, { useValue: service });
    return true;
  }

  find<T>(token: Token<T>): T | undefined {
    return this.#services.isRegistered(token, true) ? this.#services.resolve<T>(token) : undefined;
  }
}
