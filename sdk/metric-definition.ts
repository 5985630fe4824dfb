import type { MetricDefinition } from '../pdata/metrics.ts';
import { seedUnit } from './names.ts';
import { unitRatio } from './units.ts';

/**
 * Declares a metric of our own, once. Returns it frozen. Throws TypeError, naming the metric, for a name that breaks the
 * naming rules or a unit that cannot be converted.
 */
export function defineMetric(definition: MetricDefinition): MetricDefinition {
  const problem = problemOf(definition);
  if (problem !== undefined) throw new TypeError(`Metric ${JSON.stringify(definition.name)}: ${problem}`);
  const { exactness, attributes } = definition;
  return Object.freeze({
    ...definition,
    exactness: exactness === 'exact' ? exactness : Object.freeze({ ...exactness }),
    attributes: Object.freeze({ ...attributes }),
  });
}

function problemOf({
  name,
  unit,
  otelUnit,
  seedName,
  description,
  exactness,
  attributes,
}: MetricDefinition): string | undefined {
  if (!/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/.test(name)) {
    return 'the name must be lower case words joined by dots, below a namespace: "ebpf.syscall.count".';
  }
  if (name.endsWith('_total')) return 'an OTel name does not end in "_total".';
  if (!/^[a-z][a-z0-9_]*$/.test(seedName))
    return `the seed name ${JSON.stringify(seedName)} must be lower case words joined by underscores.`;
  if (unit === '') return 'the unit is missing; counts have one in braces: "{call}".';
  if (otelUnit !== undefined && unitRatio(unit, otelUnit) === undefined) {
    return `there is no factor from the unit ${JSON.stringify(unit)} to ${JSON.stringify(otelUnit)}.`;
  }
  const printed = seedUnit({ unit, seedName });
  if (unitRatio(unit, printed) === undefined) {
    return `the seed name says ${JSON.stringify(printed)}, which ${JSON.stringify(unit)} cannot be converted to.`;
  }
  if (!/^\S.*[.!]$/s.test(description)) return 'the description must be a sentence with a full stop.';
  if (exactness !== 'exact' && !/^\S.*\.$/s.test(exactness.estimated)) {
    return 'what is estimated must be told in a sentence with a full stop.';
  }
  const labels = Object.values(attributes);
  const bad = labels.find((label) => !/^[a-z][a-z0-9_]*$/.test(label));
  if (bad !== undefined) return `the label ${JSON.stringify(bad)} must be lower case words joined by underscores.`;
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  return twice === undefined ? undefined : `two attributes have the label ${JSON.stringify(twice)}.`;
}
