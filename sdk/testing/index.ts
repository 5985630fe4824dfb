/** What tests of components need: `bpflow/testing`. */
export * from './compliance.ts';
export * from './consumers.ts';
export type { FakeMeter } from './fake-meter.ts';
export * from './fake-scope.ts';
export * from './guard.ts';
export * from './manual-clock.ts';
export * from './metrics-of.ts';
export * from './sample-batches.ts';
