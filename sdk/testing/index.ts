/** What tests of components need: `bpflow/testing`. */
export * from './compliance.ts';
export * from './consumers.ts';
export * from './fake-bpf.ts';
export type { Fault } from './fake-bpf-faults.ts';
export type { FakeBpfMap, FakeMapOptions } from './fake-bpf-map.ts';
export type { FakeBpfLink, FakeBpfObject, FakeObjectOptions, FakeProgramOptions } from './fake-bpf-object.ts';
export type { FakeMeter } from './fake-meter.ts';
export * from './fake-scope.ts';
export * from './guard.ts';
export * from './manual-clock.ts';
export * from './metrics-of.ts';
export * from './running-exporter.ts';
export * from './sample-batches.ts';
