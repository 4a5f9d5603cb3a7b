/**
 * Tidying secret ids: removes those whose time has come and accessors that lead nowhere. Each is also removed by a due entry of
 * its own, so there is little to find; this is for whoever wants to be sure. It goes in steps, each an entry of the expiry duty that
 * says where the next one begins, so that it costs little at a time and goes on after a crash.
 */
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import { decodeStored } from '../../core/stored-json.ts';
import type { View, ViewRecord, ViewWrite } from '../../core/view.ts';
import { accessorPath, type SecretIdRecord, secretIdPath } from './role.ts';

const prefix = 'tidy/';
const folders = ['secret-id/', 'accessor/'] as const;
type Folder = (typeof folders)[number];

/** Records looked at in one step, and the seconds between steps. */
const recordsAStep = 500;
const pause = 1_000;

export function tidyEndpoint(): Endpoint {
  return endpoint({
    pattern: 'tidy/secret-id',
    help: 'Removes what ended secret ids left, a little at a time.',
    fields: {},
    operations: {
      update: {
        summary: 'Tidy secret ids',
        handle: async (call) => {
          const first = { at: call.clock.now(), name: prefix + folders[0] };
          await call.view.commit([], [], [first]);
          return {
            status: 202,
            warnings: ['Tidy operation successfully started. It goes on in the background.'],
          };
        },
      },
    },
  });
}

export function isTidyStep(name: string): boolean {
  return name.startsWith(prefix);
}

/** Duty: one step, and the entry of the next. `name` says behind which record it begins. */
export async function tidyStep(name: string, view: View, now: number): Promise<void> {
  const position = name.slice(prefix.length);
  const folder = folders.find((candidate) => position.startsWith(candidate));
  if (folder === undefined) return;
  const after = position === folder ? {} : { after: position };
  const page = await view.range(folder, { limit: recordsAStep, ...after });
  for (const record of page.items) {
    const writes = await endsOf(folder, record, view, now);
    // Whoever changed it meanwhile knows better; it is met again at the next tidying.
    if (writes.length > 0) await view.commit(writes, [{ path: record.path, revision: record.revision }]);
  }
  const next = page.next ?? folders[folders.indexOf(folder) + 1];
  if (next !== undefined) await view.commit([], [], [{ at: now + pause, name: prefix + next }]);
}

/** What removes a record that is of no use any more; nothing for one that is. */
async function endsOf(folder: Folder, record: ViewRecord, view: View, now: number): Promise<ViewWrite[]> {
  const [, role = '', last = ''] = record.path.split('/');
  if (folder === 'accessor/') {
    const { digest } = decodeStored<{ digest: string }>(record.open());
    const found = await view.read(secretIdPath(role, digest));
    return found === undefined ? [{ path: accessorPath(role, last), value: null }] : [];
  }
  const { expiresAt, accessor } = decodeStored<SecretIdRecord>(record.open());
  if (expiresAt === null || expiresAt > now) return [];
  return [
    { path: record.path, value: null },
    { path: accessorPath(role, accessor), value: null },
  ];
}
