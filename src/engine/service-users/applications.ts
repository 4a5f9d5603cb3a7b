/** Reading and changing what is wanted of applications. */
import { retryOnConflict } from '../../core/retry.ts';
import type { View, ViewExpectation, ViewWrite } from '../../core/view.ts';
import { type Random, randomBase62 } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import {
  type Application,
  applicationPath,
  decodeApplication,
  encodeApplication,
  lookEntry,
} from './application.ts';
import { encodeHistory, type HistoryEntry, historyPath } from './history.ts';

export interface FoundApplication {
  readonly application: Application;
  readonly revision: Revision;
}

export async function findApplication(view: View, id: string): Promise<FoundApplication | undefined> {
  const record = await view.read(applicationPath(id));
  if (record === undefined) return undefined;
  return { application: decodeApplication(record.open()), revision: record.revision };
}

export function unknownApplication(id: string): CofferError {
  return new CofferError('not_found', `there is no application ${id}`);
}

/** What a change has besides the new record. */
export interface Change {
  readonly application: Application;
  /** For its history. */
  readonly events: readonly Omit<HistoryEntry, 'at'>[];
  readonly writes?: readonly ViewWrite[];
  readonly expectations?: readonly ViewExpectation[];
}

export interface Changing {
  readonly view: View;
  /** Milliseconds. */
  readonly now: number;
  readonly random: Random;
}

/**
 * Changes one application as it is at that moment, however many others do, and has the machine look at it. `decide` answers undefined where nothing
 * changes: then nothing is written. It may be asked several times.
 */
export async function changeApplication(
  { view, now, random }: Changing,
  id: string,
  decide: (found: Application | undefined) => Change | undefined | Promise<Change | undefined>,
): Promise<Application | undefined> {
  return retryOnConflict(async () => {
    const found = await findApplication(view, id);
    const change = await decide(found?.application);
    if (change === undefined) return found?.application;
    const path = applicationPath(id);
    // The machine tells a change by this time: two of one millisecond are two.
    const modifiedAt = Math.max(now, (found?.application.modifiedAt ?? 0) + 1);
    const application = { ...change.application, modifiedAt };
    await view.commit(
      [
        { path, value: encodeApplication(application) },
        ...change.events.map((event) => ({
          path: historyPath(id, now, randomBase62(random, 6)),
          value: encodeHistory({ at: now, ...event }),
        })),
        ...(change.writes ?? []),
      ],
      [{ path, revision: found?.revision ?? null }, ...(change.expectations ?? [])],
      [lookEntry(id, now)],
    );
    return application;
  });
}

/** For a change of one that must be there, and not on its way out. Throws `not_found` and `conflict`. */
export function present(id: string, found: Application | undefined): Application {
  if (found === undefined) throw unknownApplication(id);
  if (found.deleted) {
    throw new CofferError(
      'conflict',
      `application ${id} is being deleted: it can be registered again once its user is gone`,
    );
  }
  return found;
}
