import type { Kubernetes, PodFacts } from 'bpflow/sdk';
import type { KnownPod } from './cluster.ts';
import type { ClusterSource } from './processor.ts';

/** The pods of an extension. */
export function clusterOf(service: Kubernetes): ClusterSource {
  const pod = (facts: PodFacts | undefined): KnownPod | undefined => facts && podOf(facts);
  return {
    cluster: {
      get synced() {
        return service.synced;
      },
      get clusterUid() {
        return service.clusterUid;
      },
      byContainer: (id) => pod(service.podByContainer(id)),
      byUid: (uid) => pod(service.podByUid(uid)),
      byIp: (ip) => pod(service.podByIp(ip)),
      pods: () => Array.from(service.pods(), podOf),
      object: (kind, name, namespace) => service.object(kind, name, namespace),
      watch: (listener) => service.watch((facts) => listener(podOf(facts))),
    },
    ready: () => service.ready(),
  };
}

function podOf(facts: PodFacts): KnownPod {
  const owners = facts.owners.map(({ kind, ...owner }) => [kind.toLowerCase(), owner] as const);
  return { ...facts, owners: Object.fromEntries(owners) };
}
