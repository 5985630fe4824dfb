import type { Manifest } from './plugins/catalogue.ts';

/** The components that come with the agent. The only place where the core knows one by name. */
export const manifest: Manifest = {
  receiver: {},
  processor: {},
  exporter: {},
  connector: {},
  extension: {},
};
