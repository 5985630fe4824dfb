import type { Meter } from '@opentelemetry/api';
import type { Clock, ComponentId, Health, ItemLedger, Logger, Scope } from '../../sdk/scope.ts';
import type { Token } from '../../sdk/tokens.ts';
import { serviceErrors } from '../errors.ts';
import type { Container } from './container.ts';

export interface ScopeParts {
  readonly id: ComponentId;
  readonly pipeline: string | undefined;
  readonly log: Logger;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly items: ItemLedger;
  readonly agent: { readonly name: string; readonly version: string };
  /** Where extensions publish services. */
  readonly root: Container;
  inspect(name: string, view: () => unknown): void;
  health(health: Health): void;
}

/** A component's part of the container. It finds what its own child container and those above it have. */
export function createScope(parts: ScopeParts): Scope {
  const { root, ...facts } = parts;
  const container = root.child();
  const find = <T>(token: Token<T>, extension?: string): T | undefined => {
    const found = container.find(token);
    if (extension !== undefined) return found.get(extension);
    if (found.size > 1) throw serviceErrors.ambiguous(parts.id, serviceName(token), [...found.keys()]);
    return found.values().next().value;
  };
  return Object.freeze({
    ...facts,
    find,
    get<T>(token: Token<T>, extension?: string): T {
      const service = find(token, extension);
      if (service !== undefined) return service;
      if (extension === undefined) throw serviceErrors.missing(parts.id, serviceName(token));
      throw serviceErrors.notProvided(parts.id, serviceName(token), extension);
    },
    provide<T>(token: Token<T>, service: T): void {
      if (!root.offer(token, service, String(parts.id))) throw serviceErrors.duplicate(parts.id, serviceName(token));
    },
  });
}

/** `bpflow:kubernetes` → `kubernetes`. */
function serviceName(token: symbol): string {
  return (token.description ?? '').replace(/^bpflow:/, '');
}
