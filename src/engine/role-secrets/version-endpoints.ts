/** `delete`, `undelete` and `destroy`: what happens to versions by their numbers. */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { CofferError } from '../../errors.ts';
import { administered, secretName } from './rights.ts';
import type { RoleMount } from './role-mount.ts';
import { mostVersions } from './rules.ts';
import type { Secret } from './secret-record.ts';
import type { Change } from './secrets.ts';
import { withDeleted, withDestroyed } from './versions.ts';

type Step = (secret: Secret, versions: readonly number[], now: number) => Change | undefined;

export function versionEndpoints(mount: RoleMount): readonly Endpoint[] {
  return [
    versions(mount, 'delete', 'Delete versions; they can come back', (secret, numbers, now) =>
      withDeleted(secret, numbers, true, now),
    ),
    versions(mount, 'undelete', 'Bring deleted versions back', (secret, numbers, now) =>
      withDeleted(secret, numbers, false, now),
    ),
    versions(mount, 'destroy', 'Remove the values of versions for good', withDestroyed),
  ];
}

/** Repeats a step until it finds nothing left to do. Versions that are not there are passed over. */
function versions({ secrets }: RoleMount, word: string, summary: string, step: Step): Endpoint {
  return endpoint({
    pattern: `${word}/:path*`,
    help: `${summary}.`,
    fields: { versions: { type: 'ints', help: 'Numbers of versions.' } },
    operations: {
      update: {
        summary,
        ownDecision: true,
        handle: async (call) => {
          const name = secretName(call);
          for (let more = true; more; ) {
            more = await retryOnConflict(async () => {
              const found = await secrets.read(call.view, name);
              const secret = administered(found, call.caller);
              const change = step(secret, numbersOf(call.fields.versions), call.clock.now());
              if (change !== undefined) await secrets.commit(call.view, found, change);
              return change !== undefined;
            });
          }
          return undefined;
        },
      },
    },
  });
}

function numbersOf(sent: readonly number[] | undefined): readonly number[] {
  if (sent === undefined || sent.length === 0) {
    throw new CofferError('invalid_request', 'No version number provided');
  }
  if (sent.length <= mostVersions) return sent;
  throw new CofferError('invalid_request', `at most ${mostVersions} versions at once`);
}
