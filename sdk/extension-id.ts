import { z } from 'zod';

/** The id of an extension that a component names: `basicauth/server`. */
export function extensionId() {
  return z
    .string({ error: 'expected the id of an extension, such as basicauth/server' })
    .superRefine((text, context) => {
      const id = parseId(text);
      if (typeof id === 'string') context.addIssue({ code: 'custom', message: id });
    });
}

export interface ParsedId {
  /** As written. */
  readonly type: string;
  readonly name: string;
}

/** Reads `type` or `type/name` by the Collector's rules; a string says what is wrong. Hyphens in types are accepted too. */
export function parseId(text: string): ParsedId | string {
  const parts = splitId(text);
  if (typeof parts === 'string') return parts;
  if (!/^[a-zA-Z][0-9a-zA-Z_-]{0,62}$/.test(parts.type)) {
    return `in ${JSON.stringify(text)} id: invalid character(s) in type ${JSON.stringify(parts.type)}`;
  }
  return parts;
}

/** The parts of an id, whose type is not looked at. */
export function splitId(text: string): ParsedId | string {
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
