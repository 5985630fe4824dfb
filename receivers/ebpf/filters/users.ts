import { readFileSync } from 'node:fs';
import { StartError } from 'bpflow/sdk';
import { USER_RANGES } from '../../../bpf/process.gen.ts';

/** Users from `first` to `last`, both included. */
export interface UserRange {
  readonly first: number;
  readonly last: number;
}

/** The largest id of a user; the one above means none. */
export const LAST_USER = 2 ** 32 - 2;

const NUMBERS = /^(\d{1,10})(?:-(\d{1,10}))?$/;

/** Whether this can name users: a number, `<first>-<last>`, or what /etc/passwd has before its first colon. */
export function isUser(text: string): boolean {
  if (!/^\d/.test(text)) return /^[^\s:,-][^\s:,]*$/.test(text);
  const range = rangeOf(text);
  return range !== undefined && range.first <= range.last && range.last <= LAST_USER;
}

/**
 * The users that are asked for, joined where they touch, in order. Names are looked up in the text of a passwd file. Throws a
 * StartError for a name that is not there, and when more ranges are left than the kernel half looks through.
 */
export function userRanges(users: readonly string[], passwd: () => string = readPasswd): readonly UserRange[] {
  const ranges = users.map((user) => rangeOf(user) ?? lookUp(user, passwd()));
  const joined: UserRange[] = [];
  for (const range of ranges.sort((a, b) => a.first - b.first)) {
    const last = joined.at(-1);
    if (last === undefined || range.first > last.last + 1) joined.push(range);
    else joined[joined.length - 1] = { first: last.first, last: Math.max(last.last, range.last) };
  }
  if (joined.length > USER_RANGES) {
    throw new StartError(
      `user_filter: these are ${joined.length} ranges of users, and at most ${USER_RANGES} are possible. Write <first>-<last> for users in a row.`,
    );
  }
  return joined;
}

function rangeOf(text: string): UserRange | undefined {
  const [, first, last = first] = NUMBERS.exec(text) ?? [];
  return first === undefined ? undefined : { first: Number(first), last: Number(last) };
}

function lookUp(name: string, passwd: string): UserRange {
  const line = passwd.split('\n').find((each) => each.startsWith(`${name}:`));
  const id = line?.split(':')[2] ?? '';
  if (!/^\d+$/.test(id)) {
    throw new StartError(
      `user_filter: there is no user "${name}" in /etc/passwd. Correct it, or write the number: a container has users of its own.`,
    );
  }
  return { first: Number(id), last: Number(id) };
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
