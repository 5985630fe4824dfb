import type { Signal } from '../../../pdata/signals.ts';
import { CLIENT_AUTH, type ClientAuth } from '../../auth.ts';
import type { Exporter } from '../../component.ts';
import type { Names } from '../../names.ts';
import type { Scope } from '../../scope.ts';
import { type ClientTls, openClientTls } from '../tls.ts';
import type { TlsClientSettings } from '../tls-settings.ts';
import { Delivery, type DeliveryOptions } from './delivery.ts';
import { wantedTemporality } from './exporter-settings.ts';
import { otlpRequests } from './otlp-encode.ts';
import type { RetrySettings, SendingQueueSettings } from './settings.ts';

/** What every exporter of OTLP requests is configured with. */
export interface OtlpExporterSettings {
  readonly sending_queue: SendingQueueSettings;
  readonly retry_on_failure: RetrySettings;
  readonly names: Names;
  readonly temporality: Parameters<typeof wantedTemporality>[0];
  readonly auth?: { readonly authenticator: string } | undefined;
}

/** What a client of an OTLP server is opened with. */
export interface OtlpClientAccess {
  readonly tls: ClientTls;
  readonly auth: ClientAuth | undefined;
  /** `bpflow/1.2.3`. */
  readonly userAgent: string;
}

export interface OtlpClient {
  readonly send: DeliveryOptions['send'];
  close(): void;
}

export interface OtlpExporterOptions {
  readonly scope: Scope;
  readonly config: OtlpExporterSettings;
  readonly tls: TlsClientSettings | undefined;
  /** Signals it has a place for. Default: all. A pipeline of another one is refused when it is built. */
  readonly signals?: readonly Signal[];
  /** Called once, when the exporter starts. */
  readonly open: (access: OtlpClientAccess) => OtlpClient | Promise<OtlpClient>;
}

/** An exporter of OTLP requests, but for how a request is sent. */
export function otlpExporter({ scope, config, tls: settings, signals, open }: OtlpExporterOptions): Exporter {
  let client: OtlpClient | undefined;
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
    consume: signals === undefined ? delivery.consume : only(signals, delivery.consume),
    wants: wantedTemporality(config.temporality),
    refusal: (signal, items) => delivery.refusal(signal, items),
    refused: (items, signal) => delivery.refused(items, signal),
    flush: () => delivery.flush(),
    held: () => delivery.held(),
    outcomes: () => delivery.outcomes(),
    async start() {
      const { auth } = config;
      tls = openClientTls(settings, scope);
      client = await open({
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

function only(signals: readonly Signal[], consume: Delivery['consume']): Exporter['consume'] {
  return Object.fromEntries(signals.map((signal) => [signal, consume[signal]]));
}
