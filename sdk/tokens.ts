declare const type: unique symbol;

/** A typed name under which a component finds a service. `Symbol.for`, so a second copy of the SDK means the same one. */
export type Token<T> = symbol & { readonly [type]?: T };

/** Makes the token `bpflow:<name>`. Plugins that publish services of their own prefix the name with their package. */
export function token<T>(name: string): Token<T> {
  return Symbol.for(`bpflow:${name}`) as Token<T>;
}
