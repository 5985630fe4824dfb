import { HTTP_OTHER_STATUS, HttpMethod, HttpRole, LAYOUTS } from '../../../../bpf/http.gen.ts';
import { GROUP_OTHER } from '../../../../bpf/process.gen.ts';
import { type KernelPart, makeOther, type PartRole } from '../../kernel/part.ts';

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

export const httpPart: KernelPart = {
  layouts: LAYOUTS,
  isWanted: ({ http }) => http !== undefined,
  roles: () => [
    role('http_send', 'Requests of HTTP clients and responses of servers are not counted.'),
    role('http_receive', 'Requests at HTTP servers and responses to clients are not counted.'),
    role('http_close', 'Requests of HTTP whose connection is closed without a response are not told.'),
  ],
  needsPrograms: () => true,
  prepare(object, { options: { http, maxEntries } }) {
    const { timesByGroup } = http!;
    object.setMaxEntries(
      'http_requests',
      Math.min(maxEntries, REQUESTS) + HttpRole.HTTP_ROLES * HttpMethod.HTTP_METHODS,
    );
    object.setMaxEntries('http_answers', Math.min(maxEntries, ANSWERS) + HttpRole.HTTP_ROLES);
    object.setMaxEntries('http_times', timesByGroup ? Math.min(maxEntries, TIMES_BY_GROUP) : 1);
    object.setGlobal('http_by_group', timesByGroup);
  },
  begin(object) {
    for (let side = 0; side < HttpRole.HTTP_ROLES; side++) {
      for (let method = 0; method < HttpMethod.HTTP_METHODS; method++) {
        makeOther(object, 'http_requests', GROUP_OTHER, side, method);
      }
      makeOther(object, 'http_answers', GROUP_OTHER, side, HTTP_OTHER_STATUS);
    }
  },
};

function role(name: string, without: string): PartRole {
  return { name, stateless: true, without };
}
