import type { MetricDefinition, MetricDescriptor } from '../pdata/metrics.ts';
import { unitRatio } from './units.ts';

/** The name profiles of metrics of our own. */
export type Names = 'seed' | 'otel';

/** A metric as one profile shows it. Values, sums and histogram bounds are carried in the unit measured and must be scaled. */
export interface Presentation {
  readonly name: string;
  readonly unit: string;
  /** With a sentence more where the metric is estimated. */
  readonly description: string;
  /** Shown = carried × factor. */
  readonly factor: number;
  /** A carried value, sum or bound as it is shown, correctly rounded: 123 ns are the double nearest to 123 / 10^9 s. */
  scale(value: number): number;
  /** Name of the label or attribute for an attribute key. */
  label(attributeKey: string): string;
}

/** How a metric is shown under a profile. Foreign metrics are shown as they are. */
export function present(metric: MetricDescriptor, names: Names): Presentation {
  const { definition } = metric;
  if (definition === undefined) {
    return show(metric.name, metric.unit, metric.unit, metric.description, (key) => key);
  }
  const description = describe(metric.description, definition);
  switch (names) {
    case 'seed': {
      const { attributes, seedName } = definition;
      const label = (key: string): string => (Object.hasOwn(attributes, key) ? attributes[key]! : key);
      return show(seedName, metric.unit, seedUnit(definition), description, label);
    }
    case 'otel':
      return show(definition.name, metric.unit, definition.otelUnit ?? metric.unit, description, (key) => key);
    default:
      return names satisfies never;
  }
}

/** The unit that a seed name ends in; the one measured where it names none. */
export function seedUnit({ unit, seedName }: Pick<MetricDefinition, 'unit' | 'seedName'>): string {
  const words = seedName.split('_');
  if (words.at(-1) === 'total') words.pop();
  switch (words.at(-1)) {
    case 'ns':
    case 'us':
    case 'ms':
      return words.at(-1)!;
    case 'seconds':
      return 's';
    case 'bytes':
      return 'By';
    default:
      return unit;
  }
}

function show(
  name: string,
  carried: string,
  unit: string,
  description: string,
  label: (key: string) => string,
): Presentation {
  const ratio = unitRatio(carried, unit);
  const { multiplier, divisor } = ratio ?? { multiplier: 1, divisor: 1 };
  return {
    name,
    unit: ratio === undefined ? carried : unit,
    description,
    factor: multiplier / divisor,
    scale: (value) => (value * multiplier) / divisor,
    label,
  };
}

function describe(description: string, { exactness }: MetricDefinition): string {
  return exactness === 'exact' ? description : `${description} Estimated: ${exactness.estimated}`;
}
