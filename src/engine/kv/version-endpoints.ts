/** `delete`, `undelete` and `destroy` of kv v2: what is done to versions by their numbers. */
import { type Call, type Endpoint, endpoint } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { mostVersions } from './settings.ts';
import { destroyVersions, type Place, setDeleted } from './versions.ts';

type Act = (at: Place, versions: readonly number[]) => Promise<void>;

export function versionEndpoints(place: (call: Call) => Place): readonly Endpoint[] {
  return [
    versionsEndpoint('delete', 'Soft-deletes versions.', place, (at, versions) =>
      setDeleted(at, versions, true),
    ),
    versionsEndpoint('undelete', 'Restores soft-deleted versions.', place, (at, versions) =>
      setDeleted(at, versions, false),
    ),
    versionsEndpoint('destroy', 'Removes the values of versions for good.', place, destroyVersions),
  ];
}

function versionsEndpoint(verb: string, help: string, place: (call: Call) => Place, act: Act): Endpoint {
  return endpoint({
    pattern: `${verb}/:path*`,
    help,
    fields: { versions: { type: 'ints', help: 'Version numbers.' } },
    operations: {
      update: {
        summary: help,
        handle: async (call) => {
          const { versions } = call.fields;
          if (versions === undefined || versions.length === 0) {
            throw new CofferError('invalid_request', 'No version number provided');
          }
          if (versions.length > mostVersions) {
            throw new CofferError('invalid_request', `at most ${mostVersions} versions at once`);
          }
          await act(place(call), versions);
          return undefined;
        },
      },
    },
  });
}
