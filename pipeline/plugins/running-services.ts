import type { Token } from '../../sdk/tokens.ts';
import type { Container } from './container.ts';

/** The services of one component that is no extension: others find them from the end of its start until it is to stop. */
export class RunningServices {
  readonly #container: Container;
  readonly #provider: string;
  readonly #services = new Map<symbol, unknown>();
  #state: 'made' | 'running' | 'stopped' = 'made';

  constructor(container: Container, provider: string) {
    this.#container = container;
    this.#provider = provider;
  }

  /** False when the agent itself, or this component, provides the token already; the old one stays. */
  provide<T>(token: Token<T>, service: T): boolean {
    if (this.#state === 'stopped') return true;
    if (this.#services.has(token) || this.#container.isOwn(token)) return false;
    this.#services.set(token, service);
    if (this.#state === 'running') this.#container.publish(token, service, this.#provider);
    return true;
  }

  started(): void {
    if (this.#state !== 'made') return;
    this.#state = 'running';
    for (const [token, service] of this.#services) this.#container.publish(token, service, this.#provider);
  }

  stopping(): void {
    this.#state = 'stopped';
    for (const [token, service] of this.#services) this.#container.withdraw(token, service, this.#provider);
    this.#services.clear();
  }
}
