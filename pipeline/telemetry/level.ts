/** How much the agent tells of itself in metrics; values as in the Collector. */
export type MetricsLevel = 'none' | 'basic' | 'normal' | 'detailed';

const ORDER: readonly MetricsLevel[] = ['none', 'basic', 'normal', 'detailed'];

export function atLeast(level: MetricsLevel, wanted: MetricsLevel): boolean {
  return ORDER.indexOf(level) >= ORDER.indexOf(wanted);
}
