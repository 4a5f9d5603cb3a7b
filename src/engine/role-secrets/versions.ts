/** What happens to a secret's versions: writing, deleting, restoring, destroying, ending by themselves; and to the name itself. */
import type { ProvenPrincipal } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import type { View, ViewWrite } from '../../core/view.ts';
import type { JsonObject } from '../../json.ts';
import { present } from './rights.ts';
import { mostVersions } from './rules.ts';
import { encodeOldVersion, type Secret, type VersionRow, versionPath } from './secret-record.ts';
import type { Change, Found, Secrets } from './secrets.ts';

/** Old values removed in the commit of a new one; where more are too many, later writes go on. */
const droppedAtOnce = 3;
/** Old values removed in the commit that removes a name; the rest by the duty. */
const removedAtOnce = 10;
/** Old values destroyed in one commit. */
const destroyedAtOnce = 30;

/** Names of due entries; the secret's name follows the one, its former id the other. */
const expiryFolder = 'expiry/';
const sweepFolder = 'sweep/';

export interface NewVersion {
  /** JSON of the fields. */
  readonly text: string;
  readonly roles: readonly ProvenPrincipal[];
  /** Milliseconds; null never. */
  readonly expiresAt: number | null;
  /** Of a secret that is not there yet. */
  readonly id: string;
}

/** The change that adds a version. What it replaces is kept with the list that it had. */
export function withVersion(found: Found, version: NewVersion, now: number): Change {
  const before = present(found);
  const id = before?.id ?? version.id;
  const number = (found.secret?.last ?? 0) + 1;
  const rows = before?.versions ?? [];
  const excess = rows.length + 1 - found.rules.maxVersions;
  const dropped = rows.slice(0, Math.max(0, Math.min(excess, droppedAtOnce)));
  const row = { number, createdAt: now, deletedAt: null, expiresAt: version.expiresAt, destroyed: false };
  const writes: ViewWrite[] = dropped.map((old) => ({ path: versionPath(id, old.number), value: null }));
  if (before?.text !== undefined && !dropped.some((old) => old.number === before.last)) {
    const { last, roles, text } = before;
    writes.push({ path: versionPath(id, last), value: encodeOldVersion({ number: last, roles, text }) });
  }
  return {
    secret: {
      id,
      roles: version.roles,
      updatedAt: now,
      last: number,
      versions: [...rows.slice(dropped.length), row],
      text: version.text,
    },
    writes,
    due: version.expiresAt === null ? [] : [{ at: version.expiresAt, name: expiryFolder + found.name }],
  };
}

/** The change that removes a name and all its values for good. What stays keeps the name from those who may only create. */
export function withoutValues(secret: Secret, now: number): Change {
  const old = secret.versions.filter((row) => row.number !== secret.last && !row.destroyed);
  const writes = old
    .slice(0, removedAtOnce)
    .map(({ number }) => ({ path: versionPath(secret.id, number), value: null }));
  return {
    secret: { ...secret, roles: [], updatedAt: now, versions: [], text: undefined },
    writes,
    due: old.length > removedAtOnce ? [{ at: now, name: sweepFolder + secret.id }] : [],
  };
}

/** The change that marks versions as deleted, or not any more; undefined where there is nothing to change. */
export function withDeleted(
  secret: Secret,
  numbers: readonly number[],
  deleted: boolean,
  now: number,
): Change | undefined {
  const changes = (row: VersionRow) =>
    numbers.includes(row.number) && !isOver(row, now) && (row.deletedAt !== null) !== deleted;
  if (!secret.versions.some(changes)) return undefined;
  const versions = secret.versions.map((row) =>
    changes(row) ? { ...row, deletedAt: deleted ? now : null } : row,
  );
  return { secret: { ...secret, updatedAt: now, versions } };
}

/** The change that destroys versions, as many as fit one commit; undefined where there is nothing left to destroy. */
export function withDestroyed(secret: Secret, numbers: readonly number[], now: number): Change | undefined {
  const goes = secret.versions
    .filter((row) => numbers.includes(row.number) && !row.destroyed)
    .slice(0, destroyedAtOnce)
    .map((row) => row.number);
  if (goes.length === 0) return undefined;
  const versions = secret.versions.map((row) =>
    goes.includes(row.number) ? { ...row, destroyed: true } : row,
  );
  const text = goes.includes(secret.last) ? undefined : secret.text;
  const writes = goes
    .filter((number) => number !== secret.last)
    .map((number) => ({ path: versionPath(secret.id, number), value: null }));
  return { secret: { ...secret, updatedAt: now, versions, text }, writes };
}

/** Its value is gone, or as good as that. */
export function isOver({ destroyed, expiresAt }: VersionRow, now: number): boolean {
  return destroyed || (expiresAt !== null && expiresAt <= now);
}

export function isUnreadable(row: VersionRow, now: number): boolean {
  return row.deletedAt !== null || isOver(row, now);
}

/** A version as clients of kv know it. */
export function shownVersion(row: VersionRow, now: number) {
  const ends = row.deletedAt ?? row.expiresAt;
  return {
    created_time: new Date(row.createdAt).toISOString(),
    custom_metadata: null,
    deletion_time: ends === null ? '' : new Date(ends).toISOString(),
    destroyed: isOver(row, now),
    version: row.number,
  } satisfies JsonObject;
}

/** Duty: destroys what has ended, and what is left of removed names. */
export async function onVersionsDue(secrets: Secrets, view: View, name: string, now: number): Promise<void> {
  if (name.startsWith(sweepFolder)) await sweep(view, name.slice(sweepFolder.length));
  else if (name.startsWith(expiryFolder)) await expire(secrets, view, name.slice(expiryFolder.length), now);
}

async function expire(secrets: Secrets, view: View, name: string, now: number): Promise<void> {
  for (let more = true; more; ) {
    more = await retryOnConflict(async () => {
      const found = await secrets.read(view, name);
      const secret = present(found);
      if (secret === undefined) return false;
      const ended = secret.versions.filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now);
      const change = withDestroyed(
        secret,
        ended.map(({ number }) => number),
        now,
      );
      if (change !== undefined) await secrets.commit(view, found, change);
      return change !== undefined;
    });
  }
}

/** No secret has the id any more. */
async function sweep(view: View, id: string): Promise<void> {
  for (let left = mostVersions; left > 0; left -= destroyedAtOnce) {
    const { items } = await view.children(`version/${id}/`, { limit: destroyedAtOnce });
    if (items.length === 0) return;
    await view.commit(items.map((number) => ({ path: `version/${id}/${number}`, value: null })));
  }
}
