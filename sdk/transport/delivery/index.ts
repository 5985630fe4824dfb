export { type Compression, type Pack, type PackedRequest, type PackOptions, packer } from './compress.ts';
export { Delivery, type DeliveryOptions } from './delivery.ts';
export * from './exporter-settings.ts';
export { MemoryQueue } from './memory-queue.ts';
export { otlpRequests } from './otlp-encode.ts';
export * from './otlp-response.ts';
export { bounded, type ExportRequest, type SendOutcome } from './outcome.ts';
export * from './queue.ts';
export * from './settings.ts';
