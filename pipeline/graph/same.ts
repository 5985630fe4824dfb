import { isDeepStrictEqual } from 'node:util';
import type { Signal } from '../../pdata/signals.ts';
import type { Node } from './node.ts';
import type { PlannedComponent } from './plan.ts';
import type { Stage } from './seat.ts';

/**
 * Whether a running instance is what the plan asks for: the same type of the same plugin with the same configuration and the
 * same outlets, and every service it has asked for is still the same.
 */
export function isSame(node: Node, planned: PlannedComponent, signals: readonly Signal[], stage: Stage): boolean {
  return (
    node.broken === undefined &&
    node.planned.entry.spec === planned.entry.spec &&
    node.planned.entry.plugin === planned.entry.plugin &&
    node.ways.size === signals.length &&
    signals.every((signal) => node.ways.has(signal)) &&
    isDeepStrictEqual(node.planned.config, planned.config) &&
    stage.answers(node.seat)
  );
}
