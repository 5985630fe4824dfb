import type { Inspection, ViewAddress } from '../../sdk/agent.ts';

/** Named read-only views of what runs. */
export class Views implements Inspection {
  readonly #views: { readonly address: ViewAddress; readonly read: () => unknown }[] = [];

  /** A view of the same address takes the place of the older one. */
  add(address: ViewAddress, read: () => unknown): void {
    const same = this.#views.findIndex(
      (view) => view.address.pipeline === address.pipeline && matches(view.address, address),
    );
    if (same >= 0) this.#views.splice(same, 1);
    this.#views.push({ address, read });
  }

  read(address: ViewAddress): unknown {
    return this.find(address)[0]?.read();
  }

  list(): readonly ViewAddress[] {
    return this.#views.map((view) => view.address);
  }

  /** The views at this address: several where a processor runs in several pipelines and none is named. */
  find(address: ViewAddress): readonly { readonly address: ViewAddress; readonly read: () => unknown }[] {
    return this.#views.filter(
      (view) => matches(view.address, address) && (address.pipeline ?? view.address.pipeline) === view.address.pipeline,
    );
  }
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
