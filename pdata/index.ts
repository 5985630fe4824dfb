export * from './attribute-set.ts';
export * from './attributes.ts';
export * from './logs.ts';
export * from './metrics.ts';
export * from './series-table.ts';
export * from './signals.ts';
export * from './traces.ts';
