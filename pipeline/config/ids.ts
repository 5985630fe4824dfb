import { SIGNALS, type Signal } from '../../pdata/signals.ts';
import { type ParsedId, splitId } from '../../sdk/extension-id.ts';
import type { ComponentKind } from '../../sdk/scope.ts';
import { didYouMean } from './nearest.ts';

export { type ParsedId, parseId } from '../../sdk/extension-id.ts';

/** The section of each kind of component in the file. */
export const SECTIONS: Readonly<Record<ComponentKind, string>> = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
};

export const KINDS = Object.keys(SECTIONS) as readonly ComponentKind[];

/** Reads the id of a pipeline: `metrics`, `logs/2`; a string says what is wrong. */
export function parsePipelineId(text: string): { readonly id: string; readonly signal: Signal } | string {
  const parts = splitId(text);
  if (typeof parts === 'string') return parts;
  const signal = SIGNALS.find((known) => known === parts.type);
  if (signal === undefined) {
    const hint = didYouMean(parts.type, SIGNALS) || `; valid signals are ${SIGNALS.join(', ')}`;
    return `in ${JSON.stringify(text)} id: unknown pipeline signal: ${JSON.stringify(parts.type)}${hint}`;
  }
  return { id: parts.name === '' ? signal : `${signal}/${parts.name}`, signal };
}

/** The form in which ids are compared. */
export function idKey({ type, name }: ParsedId): string {
  return `${type.replaceAll('-', '_')}/${name}`;
}
