import { SIGNALS, type Signal } from '../../pdata/signals.ts';
import type { ComponentKind } from '../../sdk/scope.ts';
import { didYouMean } from './nearest.ts';

/** The section of each kind of component in the file. */
export const SECTIONS: Readonly<Record<ComponentKind, string>> = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
};

export const KINDS = Object.keys(SECTIONS) as readonly ComponentKind[];

export interface ParsedId {
  /** As written. */
  readonly type: string;
  readonly name: string;
}

/** Reads `type` or `type/name` by the Collector's rules; a string says what is wrong. Hyphens in types are accepted too. */
export function parseId(text: string): ParsedId | string {
  const parts = split(text);
  if (typeof parts === 'string') return parts;
  if (!/^[a-zA-Z][0-9a-zA-Z_-]{0,62}$/.test(parts.type)) {
    return `in ${JSON.stringify(text)} id: invalid character(s) in type ${JSON.stringify(parts.type)}`;
  }
  return parts;
}

/** Reads the id of a pipeline: `metrics`, `logs/2`; a string says what is wrong. */
export function parsePipelineId(text: string): { readonly id: string; readonly signal: Signal } | string {
  const parts = split(text);
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

function split(text: string): ParsedId | string {
  const slash = text.indexOf('/');
  const type = (slash < 0 ? text : text.slice(0, slash)).trim();
  const name = slash < 0 ? '' : text.slice(slash + 1).trim();
  if (slash < 0 && type === '') return 'id must not be empty';
  if (type === '') return `in ${JSON.stringify(text)} id: the part before / should not be empty`;
  if (slash >= 0 && name === '') return `in ${JSON.stringify(text)} id: the part after / should not be empty`;
  if (name.length > 1024 || /[\p{Z}\p{C}\p{S}]/u.test(name)) {
    return `in ${JSON.stringify(text)} id: invalid character(s) in name ${JSON.stringify(name)}`;
  }
  return { type, name };
}
