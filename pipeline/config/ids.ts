import { SIGNALS, type Signal } from '../../pdata/signals.ts';

export interface ParsedId {
  /** Snake case. */
  readonly type: string;
  /** What follows the slash; empty without one. */
  readonly name: string;
}

/** `type` or `type/name`; a text says what is wrong with it. Hyphens in a type count as underscores. */
export function parseId(id: string): ParsedId | string {
  const slash = id.indexOf('/');
  const type = (slash < 0 ? id : id.slice(0, slash)).trim();
  const name = slash < 0 ? '' : id.slice(slash + 1).trim();
  if (id.trim() === '') return 'id must not be empty';
  if (type === '') return `in "${id}" id: the part before / should not be empty`;
  if (slash >= 0 && name === '') return `in "${id}" id: the part after / should not be empty`;
  if (!/^[a-zA-Z][0-9a-zA-Z_-]{0,62}$/.test(type)) return `in "${id}" id: invalid character(s) in type "${type}"`;
  if (name.length > 1024 || /[\p{C}\s]/u.test(name)) return `in "${id}" id: invalid character(s) in name "${name}"`;
  return { type: type.replaceAll('-', '_'), name };
}

export interface ParsedPipelineId {
  readonly signal: Signal;
  readonly name: string;
}

export function parsePipelineId(id: string): ParsedPipelineId | string {
  const parsed = parseId(id);
  if (typeof parsed === 'string') return parsed;
  const signal = SIGNALS.find((each) => each === parsed.type);
  if (signal === undefined)
    return `in "${id}" id: unknown pipeline signal: "${parsed.type}"; use ${SIGNALS.join(', ')}`;
  return { signal, name: parsed.name };
}
