import type { BpfObject } from 'bpflow/sdk';
import { HTTP_OTHER_STATUS, HttpMethod, HttpRole } from '../../../../bpf/http.gen.ts';
import { GROUP_OTHER } from '../../../../bpf/process.gen.ts';
import type { Role } from '../../kernel/ladder.ts';

export interface HttpKernelOptions {
  /** Whether the kernel keeps a histogram for each group. */
  readonly timesByGroup: boolean;
}

/*
 * What is counted of HTTP has one value for all CPUs, so these take less than 0.6 MiB together on any machine.
 */

/** Rows of requests: groups times sides times methods. */
const REQUESTS = 1000;
/** Rows of responses: groups times sides times codes. */
const ANSWERS = 2000;
/** Histograms: groups times sides. */
const TIMES_BY_GROUP = 256;

export function httpRoles(): Role[] {
  const role = (name: string, without: string): Role => ({ object: 'http', name, stateless: true, without });
  return [
    role('http_send', 'Requests of HTTP clients and responses of servers are not counted.'),
    role('http_receive', 'Requests at HTTP servers and responses to clients are not counted.'),
    role('http_close', 'Requests of HTTP whose connection is closed without a response are not told.'),
  ];
}

/** Gives the maps of the object their sizes, before it is loaded. */
export function sizeHttpMaps(object: BpfObject, { timesByGroup }: HttpKernelOptions, maxEntries: number): void {
  object.setMaxEntries('http_requests', Math.min(maxEntries, REQUESTS) + HttpRole.HTTP_ROLES * HttpMethod.HTTP_METHODS);
  object.setMaxEntries('http_answers', Math.min(maxEntries, ANSWERS) + HttpRole.HTTP_ROLES);
  object.setMaxEntries('http_times', timesByGroup ? Math.min(maxEntries, TIMES_BY_GROUP) : 1);
}

export function setHttpKnobs(object: BpfObject, { timesByGroup }: HttpKernelOptions): void {
  object.setGlobal('http_by_group', timesByGroup);
}

/** Makes the entries that take what finds no room. */
export function makeOtherHttp(object: BpfObject): void {
  const make = (name: string, ...words: number[]) => {
    const map = object.map(name);
    map.update(new Uint8Array(Uint32Array.from(words).buffer), new Uint8Array(map.stride), 'any');
  };
  for (let role = 0; role < HttpRole.HTTP_ROLES; role++) {
    for (let method = 0; method < HttpMethod.HTTP_METHODS; method++) make('http_requests', GROUP_OTHER, role, method);
    make('http_answers', GROUP_OTHER, role, HTTP_OTHER_STATUS);
  }
}
