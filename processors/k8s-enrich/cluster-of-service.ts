import type { Kubernetes, PodFacts } from 'bpflow/sdk';
import type { KnownPod } from './cluster.ts';
import type { ClusterSource } from './processor.ts';

/** The pods of an extension. */
export function clusterOf(service: Kubernetes): ClusterSource {
  const pod = (facts: PodFacts | undefined): KnownPod | undefined => facts && podOf(facts);
  return {
    cluster: {
      synced: true,
      clusterUid: undefined,
      byContainer: (id) => pod(service.podByContainer(id)),
      byUid: (uid) => pod(service.podByUid(uid)),
      byIp: (ip) => pod(service.podByIp(ip)),
      pods: () => [],
      object: () => undefined,
      watch: (listener) => service.watch((facts) => listener(podOf(facts))),
    },
    ready: async () => {},
  };
}

function podOf(facts: PodFacts): KnownPod {
  const { workload } = facts;
  return {
    uid: facts.uid,
    name: facts.name,
    namespace: facts.namespace,
    node: facts.node,
    hostname: facts.name,
    startTime: '',
    ips: facts.ips,
    hostNetwork: false,
    labels: facts.labels,
    annotations: facts.annotations,
    containers: facts.containers.map((container) => ({ ...container, imageId: '' })),
    owners: workload === undefined ? {} : { [workload.kind.toLowerCase()]: { name: workload.name, uid: undefined } },
  };
}
