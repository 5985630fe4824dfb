import type { Scope } from '../scope.ts';
import type { Reported } from './report.ts';

/** Publishes the metrics of a cache. `workloadFailures` is by kind and reason, a space between. */
export function observe(
  { id, meter, clock }: Scope,
  { feeds, refusedPods, workloads, services }: Reported,
  workloadFailures: ReadonlyMap<string, number>,
): void {
  const whose = { [id.kind]: String(id) };
  const objects = meter.createObservableGauge('bpflow_kubernetes_objects', {
    description: 'Objects of the Kubernetes API that are kept, by kind.',
    unit: '{object}',
  });
  const restarts = meter.createObservableCounter('bpflow_kubernetes_watch_restarts', {
    description: 'Number of times a watch began again, after its time was over or it failed.',
    unit: '{restart}',
  });
  const age = meter.createObservableGauge('bpflow_kubernetes_last_event_age_seconds', {
    description: 'Time since the last event or bookmark of a watch. A quiet watch has a bookmark a minute.',
    unit: 's',
  });
  const errors = meter.createObservableCounter('bpflow_kubernetes_errors', {
    description: 'Number of times the Kubernetes API did not give what it was asked for, by kind and reason.',
    unit: '{error}',
  });
  const refused = meter.createObservableCounter('bpflow_kubernetes_refused_pods', {
    description: 'Number of times a pod found no room because of max_pods.',
    unit: '{pod}',
  });
  const endpoints = meter.createObservableGauge('hubble_endpoint_count', {
    description: 'Endpoints of a Service.',
    unit: '{endpoint}',
  });
  const ready = meter.createObservableGauge('hubble_endpoint_ready', {
    description: 'Endpoints of a Service that take traffic.',
    unit: '{endpoint}',
  });
  meter.addBatchObservableCallback(
    (result) => {
      for (const { resource, state, size } of feeds()) {
        const labels = { ...whose, kind: resource.name };
        result.observe(objects, size(), labels);
        result.observe(restarts, state.restarts, labels);
        if (state.lastEventMs !== undefined)
          result.observe(age, (clock.monotonic() - state.lastEventMs) / 1000, labels);
        for (const [reason, count] of state.errors) result.observe(errors, count, { ...labels, reason });
      }
      result.observe(objects, workloads().known, { ...whose, kind: 'workloads' });
      for (const [key, count] of workloadFailures) {
        const [kind = '', reason = ''] = key.split(' ');
        result.observe(errors, count, { ...whose, kind, reason });
      }
      result.observe(refused, refusedPods(), whose);
      for (const { namespace, name, endpoints: count, ready: takeTraffic } of services() ?? []) {
        result.observe(endpoints, count, { namespace, service: name });
        result.observe(ready, takeTraffic, { namespace, service: name });
      }
    },
    [objects, restarts, age, errors, refused, endpoints, ready],
  );
}
