/** `rights`: what the caller may do here besides reading what lists it; refused to who may nothing. Says nothing of any name. */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import { refused } from './rights.ts';
import type { RoleMount } from './role-mount.ts';
import { mayAdminister, mayCreate, mayListAll } from './rules.ts';

export function ownRightsEndpoint({ secrets }: RoleMount): Endpoint {
  return endpoint({
    pattern: 'rights',
    help: 'What the caller may do in this mount besides reading secrets that list it.',
    fields: {},
    operations: {
      read: {
        summary: 'Show what the caller may do',
        ownDecision: true,
        response: {
          administer: { type: 'bool', help: 'Overwrite, delete, change lists, list all.' },
          create: { type: 'bool', help: 'Create names that never were.' },
          list_all: { type: 'bool', help: 'List every name; without it those that it may read.' },
        },
        handle: async ({ view, caller }) => {
          const { rules } = await secrets.readRules(view);
          const rights = {
            administer: mayAdminister(rules, caller),
            create: mayCreate(rules, caller),
            list_all: mayListAll(rules, caller),
          };
          if (!Object.values(rights).includes(true)) throw refused();
          return { data: rights };
        },
      },
    },
  });
}
