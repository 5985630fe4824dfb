import type { ComponentId, ComponentKind } from '../sdk/scope.ts';

/** The id of a component as the configuration writes it. */
export function componentId(kind: ComponentKind, type: string, name = ''): ComponentId {
  const text = name === '' ? type : `${type}/${name}`;
  return Object.freeze({ kind, type, name, toString: () => text });
}
