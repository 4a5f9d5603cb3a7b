/**
 * Moving a mount: its entry gets another path in one commit, which every node sees with its next request. Its records, leases and
 * tokens belong to its uuid and stay where they are (ADR 66).
 */
import { CofferError } from '../../errors.ts';
import type { CoreRooms } from '../rooms.ts';
import { isBuiltin } from './builtin.ts';
import { type FormerPath, type MountEntry, parseMountPath } from './entry.ts';
import { freePath } from './mount-path.ts';
import type { MountPlace } from './mounts.ts';
import type { MountTable } from './table.ts';

/** Kind of the record that tells what came of a move. */
export const remountType = 'remount';

/** Paths of the past that a mount may still have leases below. */
export const mostFormerPaths = 32;
/** Milliseconds for which a path is kept in any case: no request that was under way when it was left lasts so long. */
const keptFor = 3_600_000;

export interface Move {
  /** Below `/v1/`, with or without slashes at the ends; of auth methods with `auth/` in front. */
  readonly from: string;
  readonly to: string;
}

/** Who asks: the token's stored id, for the record of it. */
export interface Mover {
  readonly token: string;
  readonly displayName: string;
}

/**
 * Answers the id under which the move is on record. Throws `invalid_request` for a path that is none, has no mount, is in use, or
 * belongs to a mount that stays where it is.
 */
export async function moveMount(rooms: CoreRooms, move: Move, mover: Mover): Promise<string> {
  const from = parsePath(move.from);
  const to = parsePath(move.to);
  refuseProtected(from, to);
  const kept = rooms.jobs.ended(
    { type: remountType, state: { source_mount: from, target_mount: to }, subject: `${from} to ${to}` },
    { token: mover.token, displayName: mover.displayName },
    { source_mount: from, target_mount: to },
  );
  if (rooms.mounts.table.at(from) === undefined) {
    // Another node may have made it since.
    await rooms.mounts.load();
    if (rooms.mounts.table.at(from) === undefined) {
      throw new CofferError('invalid_request', `no matching mount at "${from}"`);
    }
  }
  await rooms.mounts.change(from, {
    place: (entry, table) => placeAt(rooms, entry, to, table),
    writes: kept.writes,
  });
  return kept.id;
}

function parsePath(text: string): string {
  const path = parseMountPath(text);
  if (path !== undefined) return path;
  throw new CofferError(
    'invalid_request',
    'from and to are mount paths: letters, digits and . _ ~ @ - between slashes',
  );
}

const fixed = /^(sys|cubbyhole|identity|audit|auth\/token)\//;

function refuseProtected(from: string, to: string): void {
  if (fixed.test(from)) throw new CofferError('invalid_request', `cannot remount "${from}"`);
  if (fixed.test(to) || to === 'auth/') {
    throw new CofferError('invalid_request', `cannot remount to destination "${to}"`);
  }
  const isAuth = from.startsWith('auth/');
  if (isAuth === to.startsWith('auth/')) return;
  throw new CofferError(
    'invalid_request',
    isAuth
      ? `cannot remount auth mount to non-auth mount "${to}"`
      : `cannot remount non-auth mount to auth mount "${to}"`,
  );
}

async function placeAt(
  { leases, clock }: Pick<CoreRooms, 'leases' | 'clock'>,
  entry: MountEntry,
  to: string,
  table: MountTable,
): Promise<MountPlace> {
  if (isBuiltin(entry.type)) throw new CofferError('invalid_request', `cannot remount "${entry.path}"`);
  freePath(entry.kind, entry.kind === 'auth' ? to.slice('auth/'.length) : to, table);
  const now = clock.now();
  const kept: FormerPath[] = [{ path: entry.path, leftAt: now }];
  for (const former of entry.formerPaths ?? []) {
    if (former.path === to || kept.some(({ path }) => path === former.path)) continue;
    const needed = now - former.leftAt < keptFor || (await leases.mayBeBelow(former.path, entry.uuid));
    if (needed) kept.push(former);
  }
  if (kept.length > mostFormerPaths) {
    throw new CofferError(
      'invalid_request',
      `the mount may have leases of ${mostFormerPaths} earlier paths: move it again when some have ended`,
    );
  }
  return { path: to, formerPaths: kept };
}
