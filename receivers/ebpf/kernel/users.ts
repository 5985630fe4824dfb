import type { KernelPart } from './part.ts';

/** Follows changes of user, where users are filtered and no program looks at every call, which would see a change itself. */
export const usersPart: KernelPart = {
  layouts: {},
  isWanted: ({ scope, syscalls }) => scope.users.length > 0 && syscalls === undefined,
  roles: () => [
    {
      name: 'user_change',
      without: 'A change of user shows only at the next collection, or where something else is counted.',
    },
  ],
};
