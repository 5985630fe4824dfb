/** The door for components that talk to others over the network: servers, clients, TLS, queues and retries. */
export * from './settings.ts';
export * from './tls.ts';
export * from './watched-text.ts';
