/** `shrink`: what a registry lost and waits for a person's word. */
import { type Call, type Endpoint, endpoint, type FieldValues } from '../../../core/endpoint.ts';
import { retryOnConflict } from '../../../core/retry.ts';
import { CofferError } from '../../../errors.ts';
import type { ServiceUsersParts } from '../parts.ts';
import { timeOrNull } from '../shown.ts';
import { readHeldIds } from './held.ts';
import {
  encodeRegistryState,
  findRegistryState,
  readRegistryState,
  registryEntry,
  registryPath,
  wholeSecond,
} from './registry-state.ts';

const fields = {
  confirm: {
    type: 'int',
    help: 'How many applications are to become inactive: exactly as many as wait.',
  },
} as const;

type ConfirmCall = Call & { readonly fields: FieldValues<typeof fields> };

export function shrinkEndpoint(_parts: ServiceUsersParts): Endpoint {
  return endpoint({
    pattern: 'shrink',
    help: 'Applications that the registry lost, more than shrink_limit allows: they stay active until somebody confirms how many may go, or the registry lists them again.',
    fields,
    operations: {
      read: {
        summary: 'Show what the registry lost',
        response: {
          count: { type: 'int', help: 'How many wait; 0 for none.' },
          active: { type: 'int', help: 'Of how many that are active.' },
          since: { type: 'string', nullable: true },
          confirmed_time: { type: 'string', nullable: true },
          confirmed_by: { type: 'string', nullable: true },
          ids: { type: 'list', help: 'The first thousand of them.' },
        },
        handle: async ({ view }) => {
          const { held } = await readRegistryState(view);
          return {
            data: {
              count: held?.count ?? 0,
              active: held?.active ?? 0,
              since: timeOrNull(held?.since ?? null),
              confirmed_time: timeOrNull(held?.confirmed?.at ?? null),
              confirmed_by: held?.confirmed?.by ?? null,
              ids: held === null ? [] : await readHeldIds(view, held, 1),
            },
          };
        },
      },
      update: { summary: 'Let them go', handle: confirm },
    },
  });
}

async function confirm({ view, clock, caller, fields: sent }: ConfirmCall): Promise<undefined> {
  if (sent.confirm === undefined) {
    throw new CofferError('invalid_request', 'missing field "confirm": how many applications may go');
  }
  await retryOnConflict(async () => {
    const { state, revision } = await findRegistryState(view);
    const { held } = state;
    if (held === null) {
      throw new CofferError('invalid_request', 'no application waits to be confirmed');
    }
    if (held.count !== sent.confirm) {
      throw new CofferError(
        'invalid_request',
        `${held.count} applications wait: look at them again, and confirm that number`,
      );
    }
    if (held.confirmed !== null) return;
    const now = clock.now();
    const nextAt = wholeSecond(now);
    const confirmed = { at: now, by: caller?.displayName.slice(0, 100) ?? '' };
    await view.commit(
      [
        {
          path: registryPath,
          value: encodeRegistryState({ ...state, nextAt, held: { ...held, confirmed } }),
        },
      ],
      [{ path: registryPath, revision }],
      [registryEntry(nextAt)],
    );
  });
  return undefined;
}
