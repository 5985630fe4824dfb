import { CLIENT_AUTH, type Exporter, type Scope } from 'bpflow/sdk';
import {
  type ClientTls,
  Delivery,
  openClientTls,
  otlpRequests,
  type TlsClientSettings,
  wantedTemporality,
} from 'bpflow/transport';
import { GrpcClient } from './client.ts';
import type { OtlpGrpcConfig } from './config.ts';
import { grpcTarget } from './endpoint.ts';

export function createOtlpGrpcExporter(config: OtlpGrpcConfig, scope: Scope): Exporter {
  let client: GrpcClient | undefined;
  let tls: ClientTls | undefined;
  const delivery = new Delivery({
    scope,
    queue: config.sending_queue,
    retry: config.retry_on_failure,
    encode: otlpRequests(config.names),
    async send(request, abort) {
      if (client === undefined) return { kind: 'retry', error: 'the exporter has not started' };
      return client.send(request, abort);
    },
  });
  return {
    consume: delivery.consume,
    wants: wantedTemporality(config.temporality),
    refusal: (signal, items) => delivery.refusal(signal, items),
    refused: (items, signal) => delivery.refused(items, signal),
    flush: () => delivery.flush(),
    held: () => delivery.held(),
    outcomes: () => delivery.outcomes(),
    async start() {
      const { auth } = config;
      tls = openClientTls(tlsOf(config), scope);
      client = await GrpcClient.open({
        config,
        tls,
        auth: auth === undefined ? undefined : scope.get(CLIENT_AUTH, auth.authenticator),
        userAgent: `${scope.agent.name}/${scope.agent.version}`,
      });
      await delivery.start();
    },
    async stop(abort) {
      await delivery.stop(abort);
      client?.close();
      tls?.close();
    },
  };
}

/** A scheme of `https://` wins over `insecure: true`, as in the Collector. */
function tlsOf({ endpoint, tls }: OtlpGrpcConfig): TlsClientSettings | undefined {
  return grpcTarget(endpoint).forceTls && tls !== undefined ? { ...tls, insecure: false } : tls;
}
