import { keepsUtf8, type PageEvents, type PageRules, PageStore } from 'bpflow/prometheus';
import {
  type Exporter,
  explainQuery,
  prometheusLabelName,
  type Scope,
  SERVER_AUTH,
  type Timer,
  type Upstream,
} from 'bpflow/sdk';
import type { PrometheusConfig } from './config.ts';
import { explainPage } from './explain.ts';
import { Scraper } from './scrape.ts';
import { PageServer } from './server.ts';

/** Series expire at each scrape, and without scrapes so often. */
const EXPIRE_EVERY_MS = 60_000;
/** That series are left out is told again so often. */
const REMIND_EVERY_MS = 60_000;

/** Keeps the last value of every series and serves them to scrapers. */
export function createPrometheusExporter(config: PrometheusConfig, scope: Scope, upstream: Upstream): Exporter {
  const { log, clock, items } = scope;
  const exporter = scope.id.toString();
  const scrapes = scope.meter.createCounter('bpflow_prometheus_scrapes', {
    description: 'Requests to the metrics page, by how they were answered.',
  });
  const collisions = scope.meter.createCounter('bpflow_prometheus_series_collisions', {
    description: 'Series whose labels on the page equal those of another series; they share one line.',
  });
  const rules = rulesOf(config);
  let toldAt = Number.NEGATIVE_INFINITY;
  const tellLimit = (points: number, what: string): void => {
    if (clock.monotonic() - toldAt < REMIND_EVERY_MS) return;
    toldAt = clock.monotonic();
    log.warn(`The page has as many series as max_series allows. ${what}`, { max_series: config.max_series, points });
  };
  const events: PageEvents = {
    dropped(points, reason) {
      items.dropped(points, reason);
      if (reason === 'series_limit') tellLimit(points, 'Points are left out until others have expired.');
    },
    folded: (points) =>
      tellLimit(points, 'New ones are folded into others: attributes with many values become "other".'),
    collision: (count) => collisions.add(count, { exporter }),
    leftOut: (metric, reason) => log.warn('A metric is left out of the page.', { metric, reason }),
  };
  const store = new PageStore(rules, events, clock);
  const scraper = new Scraper({ store, upstream, clock, log, onScrape: config.collect === 'on_scrape' });
  const server = new PageServer({
    endpoint: config.endpoint,
    tls: config.tls,
    auth: () => (config.auth ? scope.get(SERVER_AUTH, config.auth.authenticator) : undefined),
    limits: {
      connections: config.max_connections,
      requestMs: config.read_header_timeout,
      responseMs: config.write_timeout,
      idleMs: config.idle_timeout,
      keepAlive: config.keep_alives_enabled,
    },
    headers: config.response_headers,
    offer: { openMetrics: config.enable_open_metrics, utf8: rules.utf8 },
    clock,
    log,
    scrape: (view, gzipped, patienceMs, evict) => scraper.scrape(view, gzipped, patienceMs, evict),
    answered: (outcome) => scrapes.add(1, { exporter, outcome }),
  });
  scope.meter
    .createObservableGauge('bpflow_prometheus_series', { description: 'Series on the metrics page.' })
    .addCallback((result) => result.observe(store.series, { exporter }));
  scope.meter
    .createObservableGauge('bpflow_prometheus_page_bytes', { description: 'Size of the metrics page, uncompressed.' })
    .addCallback((result) => result.observe(scraper.pageBytes, { exporter }));
  scope.meter
    .createObservableCounter('bpflow_prometheus_folded', {
      description: 'Number of points whose value of an attribute was replaced because the page was full.',
      unit: '{item}',
    })
    .addCallback((result) => {
      for (const { metric, attributes } of store.folds) {
        for (const { attribute, folded } of attributes) {
          if (folded > 0) result.observe(folded, { exporter, metric, attribute });
        }
      }
    });
  scope.inspect('page', () => ({
    families: store.families.map(({ description, size }) => ({
      name: description.name,
      type: description.type,
      series: size,
    })),
    folds: store.folds,
    leftOut: Object.fromEntries([...store.leftOut.values()].map(({ metric, reason }) => [metric, reason])),
  }));
  scope.inspect('explain', (query) => explainPage(store, explainQuery(query)));

  let expiry: Timer | undefined;
  return {
    wants: 'cumulative',
    consume: {
      metrics: (batch) => store.apply(batch, clock.monotonic()),
    },
    async start() {
      if (!config.add_metric_suffixes && config.translation_strategy === undefined) {
        log.warn(
          'add_metric_suffixes has no effect. Set translation_strategy: UnderscoreEscapingWithoutSuffixes instead.',
        );
      }
      await server.start();
      expiry = clock.every(EXPIRE_EVERY_MS, () => store.expire(clock.monotonic()));
      scope.health({ state: 'ok', summary: `Serves ${server.url}.` });
    },
    async stop() {
      expiry?.cancel();
      await server.stop();
    },
  };
}

function rulesOf(config: PrometheusConfig): PageRules {
  const strategy = config.translation_strategy ?? 'UnderscoreEscapingWithSuffixes';
  return {
    names: config.names ?? (config.translation_strategy === undefined ? 'seed' : 'otel'),
    strategy,
    namespace: config.namespace,
    constLabels: Object.entries(config.const_labels).map(
      ([name, value]) => [prometheusLabelName(name), value] as const,
    ),
    resourceToTelemetry: config.resource_to_telemetry_conversion.enabled,
    withoutScopeInfo: config.without_scope_info,
    utf8: keepsUtf8(strategy),
    targetInfo: config.target_info,
    openMetrics: config.enable_open_metrics,
    expirationMs: config.metric_expiration,
    sendTimestamps: config.send_timestamps,
    maxSeries: config.max_series,
  };
}
