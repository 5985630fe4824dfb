export * from './memory-queue.ts';
export * from './queue.ts';
