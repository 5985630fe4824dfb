/** The only door for plugins, and for the components that come with the agent. */
export { z } from 'zod';
export * from '../pdata/index.ts';
export * from './agent.ts';
export * from './auth.ts';
export * from './bpf.ts';
export * from './component.ts';
export * from './config-types.ts';
export * from './define.ts';
export * from './errors.ts';
export * from './facts.ts';
export * from './metric-definition.ts';
export * from './names.ts';
export type * from './otel.ts';
export * from './prometheus-text.ts';
export * from './scope.ts';
export * from './tokens.ts';
export { version } from './version.ts';
