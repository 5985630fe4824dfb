export { Delivery, type DeliveryOptions } from './delivery.ts';
export { MemoryQueue } from './memory-queue.ts';
export { bounded, type ExportRequest, type SendOutcome } from './outcome.ts';
export * from './queue.ts';
export * from './settings.ts';
