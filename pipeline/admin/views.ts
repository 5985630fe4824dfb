import type { Inspection, ViewAddress } from '../../sdk/agent.ts';
import type { ViewQuery } from '../../sdk/scope.ts';

/** A view and where it is found. */
interface View {
  readonly address: ViewAddress;
  readonly read: (query: ViewQuery) => unknown;
}

/** Named read-only views of what runs. */
export class Views implements Inspection {
  readonly #views: View[] = [];

  /** A view of the same address takes the place of the older one. */
  add(address: ViewAddress, read: View['read']): void {
    this.#show({ address, read });
  }

  /** The views of one component instance; they are found once they are shown. */
  of(component: Omit<ViewAddress, 'name'>): InstanceViews {
    const own = new Map<string, View>();
    let isShown = false;
    return {
      add: (name, read) => {
        const view: View = { address: { ...component, name }, read };
        own.set(name, view);
        if (isShown) this.#show(view);
      },
      show: () => {
        isShown = true;
        for (const view of own.values()) this.#show(view);
      },
      remove: () => {
        isShown = false;
        for (const view of own.values())
          if (this.#views.includes(view)) this.#views.splice(this.#views.indexOf(view), 1);
      },
    };
  }

  read(address: ViewAddress, query: ViewQuery = {}): unknown {
    return this.find(address)[0]?.read(query);
  }

  list(): readonly ViewAddress[] {
    return this.#views.map((view) => view.address);
  }

  /** The views at this address: several where a processor runs in several pipelines and none is named. */
  find(address: ViewAddress): readonly View[] {
    return this.#views.filter(
      (view) => matches(view.address, address) && (address.pipeline ?? view.address.pipeline) === view.address.pipeline,
    );
  }

  #show(view: View): void {
    const same = this.#views.findIndex(
      ({ address }) => address.pipeline === view.address.pipeline && matches(address, view.address),
    );
    if (same >= 0) this.#views.splice(same, 1);
    this.#views.push(view);
  }
}

export interface InstanceViews {
  add(name: string, read: (query: ViewQuery) => unknown): void;
  /** They take the places of those of another instance. */
  show(): void;
  /** Takes back those that are still shown. */
  remove(): void;
}

function matches(a: ViewAddress, b: ViewAddress): boolean {
  return a.kind === b.kind && a.id === b.id && a.name === b.name;
}

/** JSON with what JSON lacks: big integers as text, maps and sets as objects and arrays, bytes as hex. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, nested: unknown) => {
    if (typeof nested === 'bigint') return String(nested);
    if (nested instanceof Map) return Object.fromEntries(nested);
    if (nested instanceof Set) return [...nested];
    if (nested instanceof Uint8Array) return Buffer.from(nested).toString('hex');
    return nested;
  });
}
