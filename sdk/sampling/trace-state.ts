import { type Bits56, parseRandomness, parseThreshold, type Threshold } from './threshold.ts';

/** What a W3C `tracestate` says of sampling, and what else it says. */
export interface TraceState {
  readonly threshold: Threshold | undefined;
  readonly randomness: Bits56 | undefined;
  /** The digits of `rv`; empty without one. */
  readonly randomnessText: string;
  /** Other entries of the `ot` member, as they stand in it. */
  readonly others: readonly string[];
  /** Other members, as they stand between the commas. */
  readonly members: readonly string[];
  /** Whether something in it is not as the specifications want it. What could be read of it is there all the same. */
  readonly isBroken: boolean;
}

const EMPTY: TraceState = Object.freeze({
  threshold: undefined,
  randomness: undefined,
  randomnessText: '',
  others: [],
  members: [],
  isBroken: false,
});
const BROKEN: TraceState = Object.freeze({ ...EMPTY, isBroken: true });

const MAX_LENGTH = 1024;
const MAX_OT_LENGTH = 256;
/** As many as the Collector takes, one less than W3C allows. */
const MAX_MEMBERS = 31;
const KEY = /^(?:[a-z][a-z0-9_*/-]*|[a-z0-9][a-z0-9_*/-]*@[a-z][a-z0-9_*/-]*)$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const OT = /^[a-z][a-z0-9]*:[a-zA-Z0-9._-]*(?:;[a-z][a-z0-9]*:[a-zA-Z0-9._-]*)*$/;

/** Reads a `tracestate` header as W3C Trace Context and the OpenTelemetry specification define it. Never throws. */
export function parseTraceState(text: string): TraceState {
  if (text === '') return EMPTY;
  if (text.length > MAX_LENGTH) return BROKEN;
  const members = text.split(',').map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''));
  const isValid = (member: string): boolean => {
    const [key, value] = split(member, '=');
    return KEY.test(key) && VALUE.test(value);
  };
  if (!members.every((member) => member === '' || isValid(member))) return BROKEN;

  let state: TraceState = EMPTY;
  let isBroken = members.length - (text.endsWith(',') ? 1 : 0) > MAX_MEMBERS;
  const others: string[] = [];
  for (const member of members.slice(0, MAX_MEMBERS)) {
    const [key, value] = split(member, '=');
    if (!isLengthValid(key)) isBroken = true;
    else if (key === 'ot') {
      state = parseOt(value);
      isBroken ||= state.isBroken;
    } else if (member !== '') others.push(member);
  }
  return { ...state, members: others, isBroken };
}

/** The header with this `th` and `rv`; empty texts are left out. */
export function formatTraceState(state: TraceState, threshold: string, randomness: string): string {
  const entries = [
    ...(randomness === '' ? [] : [`rv:${randomness}`]),
    ...(threshold === '' ? [] : [`th:${threshold}`]),
    ...state.others,
  ];
  return [...(entries.length === 0 ? [] : [`ot=${entries.join(';')}`]), ...state.members].join(',');
}

function parseOt(value: string): TraceState {
  if (value.length > MAX_OT_LENGTH || !OT.test(value)) return BROKEN;
  let threshold: Threshold | undefined;
  let randomness: Bits56 | undefined;
  let randomnessText = '';
  let isBroken = false;
  const others: string[] = [];
  for (const entry of value.split(';')) {
    const [key, text] = split(entry, ':');
    if (key === 'th') {
      threshold = parseThreshold(text);
      isBroken ||= threshold === undefined;
    } else if (key === 'rv') {
      randomness = parseRandomness(text);
      randomnessText = randomness === undefined ? '' : text;
      isBroken ||= randomness === undefined;
    } else others.push(entry);
  }
  return { threshold, randomness, randomnessText, others, members: [], isBroken };
}

/** Of a key with a tenant: at most 241 characters of tenant and 14 of system. */
function isLengthValid(key: string): boolean {
  const [tenant, system] = split(key, '@');
  return key.length <= 256 && (!key.includes('@') || (tenant.length <= 241 && system.length <= 14));
}

/** At the first separator. */
function split(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
