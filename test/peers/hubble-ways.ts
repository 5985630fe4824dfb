import { HubbleRelay } from './hubble-relay.ts';
import { HubbleServer } from './hubble-server.ts';
import { freeAddresses } from './program.ts';

const AGENT = 'node-a.demo.hubble-grpc.cilium.io';
const RELAY = 'ui.hubble-relay.cilium.io';

/** A server, and how the receiver comes to it. */
export interface Way extends AsyncDisposable {
  readonly server: HubbleServer;
  /** Of the receiver. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** All the ways to Cilium's own server, the last ones through its own relay. `folder`: where certificates are made. */
export const WAYS: Readonly<Record<string, (folder: string) => Promise<Way>>> = {
  'plain TCP': (folder) => direct(folder, ({ plain }) => ({ endpoint: plain, hubble_tls_enabled: false })),
  'a unix socket': (folder) => direct(folder, ({ socket }) => ({ endpoint: `unix://${socket}` })),
  TLS: (folder) => direct(folder, ({ tls }) => ({ endpoint: tls, tls: trusting(folder, AGENT) })),
  'mutual TLS': (folder) =>
    direct(folder, ({ mtls }) => ({ endpoint: mtls, tls: { ...trusting(folder, AGENT), ...client(folder) } })),
  'mutual TLS, with a field mask': (folder) =>
    direct(folder, ({ mtls }) => ({
      endpoint: mtls,
      tls: { ...trusting(folder, AGENT), ...client(folder) },
      field_mask: true,
    })),
  'the relay': (folder) => relayed(folder, 'none', { hubble_tls_enabled: false }),
  'the relay, with TLS to it': (folder) => relayed(folder, 'TLS', { tls: trusting(folder, RELAY) }),
  'the relay, with mutual TLS to it': (folder) =>
    relayed(folder, 'mutual TLS', { tls: { ...trusting(folder, RELAY), ...client(folder) } }),
};

async function direct(folder: string, config: (server: HubbleServer) => Way['config']): Promise<Way> {
  const server = await HubbleServer.start({ folder, ring: 65_535 });
  return { server, config: config(server), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function relayed(folder: string, tls: 'none' | 'TLS' | 'mutual TLS', config: Way['config']): Promise<Way> {
  const addresses = await freeAddresses(4);
  const port = addresses[2]!.split(':')[1]!;
  const announce = ['-peer-tls', '-peer-port', port];
  const server = await HubbleServer.start({ folder, addresses, ring: 65_535, more: announce });
  // What waits to be sorted is let go quickly.
  const relay = await HubbleRelay.start(folder, server.mtls, { tls, drainMs: 5 });
  return {
    server,
    config: { endpoint: relay.address, ...config },
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function trusting(folder: string, name: string): Readonly<Record<string, string>> {
  return { ca_file: `${folder}/ca.crt`, server_name: name };
}

function client(folder: string): Readonly<Record<string, string>> {
  return { cert_file: `${folder}/client.crt`, key_file: `${folder}/client.key` };
}
