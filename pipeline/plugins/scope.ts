import type { Meter } from '@opentelemetry/api';
import type { Clock, ComponentId, Health, ItemLedger, Logger, Scope } from '../../sdk/scope.ts';
import type { Token } from '../../sdk/tokens.ts';
import { serviceErrors } from '../errors.ts';
import type { Container } from './container.ts';
import type { RunningServices } from './running-services.ts';

export interface ScopeParts {
  readonly id: ComponentId;
  readonly pipeline: string | undefined;
  readonly log: Logger;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly items: ItemLedger;
  readonly agent: { readonly name: string; readonly version: string };
  /** Where services are found, and extensions publish theirs. */
  readonly container: Container;
  /** Where all others publish theirs. */
  readonly services: RunningServices;
  /** Told of each service that was asked for. */
  readonly lookups: Lookups;
  inspect: Scope['inspect'];
  health(health: Health): void;
}

/** What a component has asked its scope for, and was answered, as far as it may keep the answer. */
export class Lookups {
  readonly #answers = new Map<symbol, Map<string | undefined, unknown>>();

  answered(token: symbol, extension: string | undefined, service: unknown): void {
    const answers = this.#answers.get(token) ?? new Map<string | undefined, unknown>();
    this.#answers.set(token, answers.set(extension, service));
  }

  /** Whether all of it would be answered the same from this container. */
  agree(container: Container): boolean {
    for (const [token, answers] of this.#answers) {
      for (const [extension, service] of answers)
        if (lookUp(container.lasting(token), extension) !== service) return false;
    }
    return true;
  }
}

/** A component's part of the container. */
export function createScope(parts: ScopeParts): Scope {
  const { container, services, lookups, ...facts } = parts;
  const find = <T>(token: Token<T>, extension?: string): T | undefined => {
    lookups.answered(token, extension, lookUp(container.lasting(token), extension));
    const service = lookUp(container.find(token), extension);
    if (service !== AMBIGUOUS) return service as T | undefined;
    throw serviceErrors.ambiguous(parts.id, serviceName(token), [...container.find(token).keys()]);
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
      const isTaken =
        parts.id.kind === 'extension'
          ? !container.offer(token, service, String(parts.id))
          : !services.provide(token, service);
      if (isTaken) throw serviceErrors.duplicate(parts.id, serviceName(token));
    },
  });
}

/** The service of one component, or without a name the only one there is. */
function lookUp(found: ReadonlyMap<string, unknown>, extension: string | undefined): unknown {
  if (extension !== undefined) return found.get(extension);
  return found.size > 1 ? AMBIGUOUS : found.values().next().value;
}

const AMBIGUOUS = Symbol('ambiguous');

/** `bpflow:kubernetes` → `kubernetes`. */
function serviceName(token: symbol): string {
  return (token.description ?? '').replace(/^bpflow:/, '');
}
