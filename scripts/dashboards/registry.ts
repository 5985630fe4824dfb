import type { MetricDefinition } from 'bpflow/sdk';
import { FACTS } from '../../receivers/ebpf/facts.ts';
import { LABEL_ATTRIBUTES } from '../../receivers/ebpf/series/labels.ts';
import { config } from '../../receivers/hubble/config.ts';
import { FlowIntake } from '../../receivers/hubble/flow-intake.ts';
import { seedUnit } from '../../sdk/names.ts';

/** A metric as it stands on a page for Prometheus. */
export interface KnownMetric {
  readonly name: string;
  readonly kind: MetricDefinition['kind'];
  /** Unit of what is printed: `s`, `ns`, `By`, `{flow}`. */
  readonly unit: string;
  /** Those that its series can have. */
  readonly labels: ReadonlySet<string>;
}

/** Metrics by name. */
export type Registry = ReadonlyMap<string, KnownMetric>;

/** Labels of our own series that come from their resources. */
const RESOURCE_LABELS: readonly string[] = ['namespace', 'pod', 'container', 'node'];

/** What the receiver `hubble` prints by default, and with sockets to join with. */
export function hubbleRegistry(): Registry {
  const { metrics } = new FlowIntake({ config: config.parse({ join: 'ebpf' }), version: '0' });
  return registryOf(metrics.metrics.map(({ definition }) => definition));
}

/** What the receiver `ebpf` prints, with any choice of labels. */
export function kernelRegistry(): Registry {
  const definitions = FACTS.map(({ definition, own }) => ({ ...definition, attributes: own }));
  return registryOf(definitions, [...Object.keys(LABEL_ATTRIBUTES), ...RESOURCE_LABELS]);
}

function registryOf(definitions: readonly MetricDefinition[], more: readonly string[] = []): Registry {
  return new Map(
    definitions.map((definition) => {
      const { seedName: name, kind, attributes } = definition;
      return [
        name,
        { name, kind, unit: seedUnit(definition), labels: new Set([...Object.values(attributes), ...more]) },
      ];
    }),
  );
}
