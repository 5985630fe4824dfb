import type { ServiceFacts } from '../kubernetes.ts';
import type { Scope } from '../scope.ts';
import type { ApiError } from './api-error.ts';
import type { FeedState } from './feed.ts';
import { observe } from './metrics.ts';
import { type Resource, ruleFor } from './resource.ts';

/** One kind of objects that is listed and watched. */
export interface FeedReport {
  readonly resource: Resource;
  readonly verbs: readonly string[];
  readonly state: FeedState;
  readonly size: () => number;
}

export interface Reported {
  readonly feeds: () => Iterable<FeedReport>;
  readonly refusedPods: () => number;
  readonly workloads: () => { readonly known: number; readonly waiting: number };
  /** Undefined when they are not watched. */
  readonly services: () => readonly ServiceFacts[] | undefined;
  /** The only one that is looked at; undefined: all. */
  readonly namespace: string | undefined;
}

export interface Report {
  /** Something has become live, or has failed. */
  changed(): void;
  /** A kind of workloads can be asked for, or cannot. */
  workloads(resource: Resource, error: ApiError | undefined): void;
  server(origin: string): void;
  /** There is no cluster. */
  unavailable(reason: string): void;
}

/** Tells health, log, view and metrics how it stands. */
export function report(scope: Scope, reported: Reported): Report {
  let server: string | undefined;
  const told = new Map<string, string>();
  const workloadErrors = new Map<string, { readonly message: string; readonly error: ApiError }>();
  const workloadFailures = new Map<string, number>();

  /** What keeps a kind from being known, with what to do about it. */
  const explain = ({ resource, verbs, state }: FeedReport): string | undefined =>
    state.error && messageOf({ ...resource, namespace: reported.namespace }, verbs, state.error);

  const tell = (name: string, message: string | undefined, fields: Readonly<Record<string, unknown>>): void => {
    const before = told.get(name);
    if (message === undefined) {
      if (before !== undefined) scope.log.info('The Kubernetes API answers again.', fields);
      told.delete(name);
    } else if (message !== before) {
      scope.log.warn(message, fields);
      told.set(name, message);
    }
  };

  const health = (): void => {
    const feeds = [...reported.feeds()];
    const failing = feeds.flatMap((feed) => explain(feed) ?? []);
    const details = [...failing, ...[...workloadErrors.values()].map(({ message }) => message)];
    for (const { resource, state } of feeds) {
      if (state.skipped > 0) details.push(`${state.skipped} ${resource.name} could not be read and are left out.`);
    }
    const refused = reported.refusedPods();
    if (refused > 0) details.push(`max_pods: ${refused} pods found no room.`);
    const [pods] = feeds;
    const known = pods === undefined ? '' : `${pods.size()} pods are known`;
    if (pods?.state.synced === false) {
      const state = pods.state.error === undefined ? 'starting' : 'unavailable';
      scope.health({ state, summary: state === 'starting' ? 'The pods are being read.' : failing[0]!, details });
    } else if (details.length > 0) {
      const stale = pods?.state.error === undefined ? '' : ', as of the last answer';
      scope.health({ state: 'degraded', summary: `${known}${stale}. ${details[0]}`, details });
    } else {
      scope.health({ state: 'ok', summary: `${known}.` });
    }
  };

  scope.inspect('kubernetes', () => ({
    server,
    kinds: Object.fromEntries([...reported.feeds()].map((feed) => [feed.resource.name, viewOf(feed, scope)])),
    workloads: { ...reported.workloads(), errors: [...workloadErrors.values()].map(({ message }) => message) },
    services: reported.services()?.length,
  }));
  observe(scope, reported, workloadFailures);

  return {
    changed() {
      for (const feed of reported.feeds()) {
        if (feed.state.live || feed.state.error !== undefined) {
          tell(feed.resource.name, explain(feed), { kind: feed.resource.name });
        }
      }
      health();
    },
    workloads(resource, error) {
      const { name } = resource;
      if (error !== undefined)
        workloadFailures.set(`${name} ${error.reason}`, (workloadFailures.get(`${name} ${error.reason}`) ?? 0) + 1);
      if (error === undefined && !workloadErrors.has(name)) return;
      const message = error && messageOf({ ...resource, namespace: reported.namespace }, ['get'], error);
      if (message === undefined) workloadErrors.delete(name);
      else workloadErrors.set(name, { message, error: error! });
      tell(name, message, { kind: name });
      health();
    },
    server(origin) {
      server = origin;
    },
    unavailable(reason) {
      scope.log.warn('No pods are known.', { reason });
      scope.health({ state: 'unavailable', summary: reason });
    },
  };
}

function messageOf(resource: Resource, verbs: readonly string[], error: ApiError): string {
  switch (error.reason) {
    case 'forbidden':
      return `The service account may not read ${resource.name} (${error.message}). ${ruleFor(resource, verbs)}`;
    case 'unauthorized':
      return `The API server does not accept the credentials for ${resource.name} (${error.message}). Is the token's audience and age right?`;
    case 'not_found':
      return `The API server has no ${resource.name} in ${resource.group || 'the core group'} (${error.message}). Is it Kubernetes 1.21 or newer?`;
    default:
      return `Reading ${resource.name} failed and is tried again: ${error.message}`;
  }
}

function viewOf({ state, size }: FeedReport, { clock }: Scope): object {
  return {
    objects: size(),
    synced: state.synced,
    live: state.live,
    restarts: state.restarts,
    last_event_seconds: state.lastEventMs === undefined ? null : (clock.monotonic() - state.lastEventMs) / 1000,
    errors: Object.fromEntries(state.errors),
    ...(state.error && { error: state.error.message }),
  };
}
