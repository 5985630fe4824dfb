import { LocalContainers } from 'bpflow/containers';
import {
  type Batch,
  type Clock,
  type Kubernetes,
  type PodFacts,
  type Processor,
  peerOf,
  type Scope,
  StartError,
} from 'bpflow/sdk';
import { createAssociation, type PodAssociation } from './association.ts';
import type { K8sEnrichConfig } from './config.ts';
import { Enricher, enrichingProcessor } from './enricher.ts';
import { createExtraction } from './extraction.ts';
import { foreignFinder, ownFinder, passthroughFinder } from './finder.ts';
import type { Finder } from './finding.ts';
import { DEFAULT_METADATA, OWN_METADATA } from './metadata.ts';
import { podFilter } from './pod-filter.ts';
import { keysOf } from './pod-keys.ts';
import { Subjects } from './subjects.ts';
import { createTelemetry } from './telemetry.ts';
import { wishesOf } from './wishes.ts';

/** The processor over a cluster that is already found; undefined off a cluster. */
export function createEnrichment(config: K8sEnrichConfig, scope: Scope, cluster: Kubernetes | undefined): Processor {
  const finders = createFinders(config, scope, cluster);
  const options = { mayWait: config.hold.timeout > 0, nowMs: () => scope.clock.monotonic() };
  const own = new Subjects({ ...options, finder: finders.own });
  const foreign = new Subjects({ ...options, finder: finders.foreign });
  const enricher: Enricher = new Enricher({
    scope,
    own,
    foreign,
    hold: config.hold,
    peerOf: finders.usesPeer ? (batch: Batch) => peerOf(batch) ?? '' : () => '',
    telemetry: createTelemetry(scope, { held: () => enricher.held, subjects: () => own.size + foreign.size }),
  });
  scope.inspect('waiting', () => describeWaiting([own, foreign], scope.clock.monotonic()));
  const changed = (pod: PodFacts, change: 'set' | 'removed'): void => {
    const keys = [...keysOf(pod), ...finders.changed(pod, change)];
    const released = [own, foreign].map((subjects) => subjects.changed(keys));
    if (released.includes(true)) enricher.release();
  };
  let subscriptions: readonly (() => void)[] = [];
  return {
    ...enrichingProcessor(enricher),
    async start() {
      if (cluster === undefined) {
        if (!config.passthrough) scope.health({ state: 'ok', summary: OFF_CLUSTER });
        return;
      }
      subscriptions = [cluster.want(wishesOf(config)), cluster.watch(changed)];
      if (config.wait_for_metadata) await within(scope.clock, config.wait_for_metadata_timeout, cluster.ready());
    },
    async stop() {
      for (const end of subscriptions) end();
      subscriptions = [];
      await enricher.stop();
    },
  };
}

const OFF_CLUSTER =
  'There is no Kubernetes: containers and units get names. In a cluster, add the extension kubernetes or set auth_type.';

/** What waits for its names, those first that have waited longest. */
function describeWaiting(all: readonly Subjects[], nowMs: number): readonly object[] {
  return all
    .flatMap(({ waiting }) => [...waiting].slice(0, MOST_SHOWN))
    .map(({ resource, sinceMs, reason }) => ({
      resource: resource.attributes.toObject(),
      seconds: Math.round(nowMs - sinceMs) / 1000,
      ...(reason !== undefined && { reason }),
    }));
}

const MOST_SHOWN = 100;

interface Finders {
  readonly own: Finder;
  readonly foreign: Finder;
  readonly usesPeer: boolean;
  /** Keys of a pod that changes, as the rules of association know it. */
  readonly changed: PodAssociation['changed'];
}

function createFinders(config: K8sEnrichConfig, scope: Scope, cluster: Kubernetes | undefined): Finders {
  if (config.passthrough) {
    return { own: passthroughFinder(), foreign: passthroughFinder(), usesPeer: true, changed: () => [] };
  }
  const { extract, attribute_names: names } = config;
  const local = new LocalContainers({
    docker: config.containers.docker_root || undefined,
    podman: config.containers.podman_roots,
    refused: (path, reason) =>
      scope.log.warn('Names of local containers cannot be read; they stay ids.', { path, reason }),
  });
  const extraction = (metadata: typeof DEFAULT_METADATA) =>
    createExtraction({ metadata: extract.metadata ?? metadata, extract, names });
  const shared = { cluster, local, wanted: podFilter(config) };
  const ofForeign = extraction(DEFAULT_METADATA);
  const nowhere = {
    find: () => ({ pod: undefined, keys: [], connection: undefined }),
    changed: () => [],
    usesConnection: false,
  };
  const association =
    cluster === undefined
      ? nowhere
      : createAssociation(config.pod_association, cluster, (pod) => ofForeign.pod(pod, cluster).attributes);
  return {
    own: ownFinder({ ...shared, extraction: extraction(OWN_METADATA) }),
    foreign: foreignFinder({
      ...shared,
      extraction: ofForeign,
      association,
      withAddress: extract.metadata?.includes('k8s.pod.ip') ?? false,
    }),
    usesPeer: association.usesConnection,
    changed: (pod, change) => association.changed(pod, change),
  };
}

async function within(clock: Clock, ms: number, ready: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = clock.after(ms, () =>
    late.reject(new StartError('wait_for_metadata: the pods were not known in time. Is the API server reachable?')),
  );
  try {
    await Promise.race([ready, late.promise]);
  } finally {
    timer.cancel();
  }
}
