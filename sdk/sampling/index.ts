export { hashedRandomness } from './hashed-randomness.ts';
export { LogItems, RANDOMNESS_ATTRIBUTE, type SamplingItem, SpanItems, THRESHOLD_ATTRIBUTE } from './items.ts';
export { COUNT_ATTRIBUTE, Marks, markLogs, markSpans } from './marks.ts';
export { equalizing, type Mode, modeOf, proportional } from './mode.ts';
export { type ProbabilisticOptions, ProbabilisticSampler, type Verdict } from './probabilistic.ts';
export { type ProbabilisticSettings, probabilisticSettings, SAMPLING_MODES, type SamplingMode } from './settings.ts';
export {
  ALWAYS,
  admits,
  type Bits56,
  formatRandomness,
  isBelow,
  NEVER,
  parseRandomness,
  parseThreshold,
  probabilityOf,
  type Threshold,
  thresholdOf,
} from './threshold.ts';
export { formatTraceState, parseTraceState, type TraceState } from './trace-state.ts';
