import type { BuiltIn } from './plugins/catalogue.ts';

/** The components that come with the agent. The only place where the core knows one by name. */
export const builtIns: readonly BuiltIn[] = [];
