import { CLIENT_AUTH, type Exporter, type Scope, SIGNALS } from 'bpflow/sdk';
import { type ClientTls, Delivery, openClientTls, otlpRequests, wantedTemporality } from 'bpflow/transport';
import { HttpClient } from './client.ts';
import type { OtlpHttpConfig } from './config.ts';
import { signalUrl } from './urls.ts';

export function createOtlpHttpExporter(config: OtlpHttpConfig, scope: Scope): Exporter {
  let client: HttpClient | undefined;
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
  const consumes = SIGNALS.filter((signal) => signalUrl(config, signal) !== undefined);
  return {
    // A pipeline of a signal without an endpoint is refused when it is built.
    consume: Object.fromEntries(consumes.map((signal) => [signal, delivery.consume[signal]])),
    wants: wantedTemporality(config.temporality),
    refusal: (signal, items) => delivery.refusal(signal, items),
    refused: (items, signal) => delivery.refused(items, signal),
    flush: () => delivery.flush(),
    held: () => delivery.held(),
    outcomes: () => delivery.outcomes(),
    async start() {
      const { auth } = config;
      const { clock, log, agent } = scope;
      tls = openClientTls(config.tls, scope);
      client = new HttpClient({
        config,
        tls,
        auth: auth === undefined ? undefined : scope.get(CLIENT_AUTH, auth.authenticator),
        userAgent: `${agent.name}/${agent.version}`,
        clock,
        log,
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
