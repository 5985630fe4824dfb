/** The door for components that talk to others over the network: servers, clients, TLS, queues and retries. */

export * from './byte-budget.ts';
export * from './delivery/index.ts';
export * from './foreign-folder.ts';
export * from './grpc-server.ts';
export * from './grpc-settings.ts';
export * from './grpc-status.ts';
export * from './http-body.ts';
export * from './http-cors.ts';
export * from './http-server.ts';
export * from './http-settings.ts';
export { Inflater, inflate } from './inflate.ts';
export * from './listen.ts';
export * from './no-address-as-name.ts';
export * from './settings.ts';
export * from './tls.ts';
export * from './watched-text.ts';
