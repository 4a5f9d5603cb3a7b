/** What happens to a secret's versions: writing, soft-deleting, restoring, destroying, removing all. */
import type { Call } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import type { DueEntry, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import {
  isDeleted,
  newSecret,
  pushedOut,
  type SecretRecord,
  shownVersion,
  type VersionRecord,
} from './metadata.ts';
import { pointerPath, type Secrets } from './secrets.ts';

/** Values removed in one commit: a large one has several parts, and a commit has its limit. */
const removalsACommit = 40;

export interface Place {
  readonly secrets: Secrets;
  readonly random: Random;
  readonly call: Call;
  readonly path: string;
}

/** Adds a version. `cas`: the current version it must follow, 0 for none yet. Throws `conflict` when it does not. */
export async function addVersion(
  place: Place,
  data: JsonObject,
  cas: number | undefined,
): Promise<JsonObject> {
  const { secrets, random, call, path } = place;
  const now = call.clock.now();
  const text = Buffer.from(JSON.stringify(data));
  const placed = await secrets.place(call.view, path, text, now);
  return retryOnConflict(async () => {
    const before = await secrets.read(call.view, path);
    checkCas(before?.secret, cas);
    const secret = before?.secret ?? newSecret(randomUuid(random), now);
    const number = secret.current + 1;
    const { gone, kept } = pushedOut(secret, number);
    const removal = removeValues(
      gone.flatMap((old) => secrets.removal(secret, old)),
      `trash/${secret.id}-${number}`,
      now,
    );
    const version: VersionRecord = {
      createdAt: now,
      deletedAt: secret.deleteVersionAfter > 0 ? now + secret.deleteVersionAfter * 1_000 : null,
      destroyed: false,
      ...(placed.upload === undefined ? {} : { upload: placed.upload }),
    };
    const changed: SecretRecord = {
      ...secret,
      current: number,
      oldest: gone.length === 0 ? secret.oldest : Number(Object.keys(kept)[0] ?? number),
      updatedAt: now,
      versions: { ...kept, [number]: version },
    };
    await secrets.commit(call.view, path, before, {
      secret: changed,
      writes: [...placed.writes(secret.id, number), ...removal.writes],
      expectations: placed.expectations,
      due: removal.due,
    });
    return shownVersion(changed, number, version);
  });
}

/** The removals that fit one commit, and for the rest a list that the duty works off. */
function removeValues(
  removals: readonly ViewWrite[],
  trash: string,
  now: number,
): { readonly writes: readonly ViewWrite[]; readonly due: readonly DueEntry[] } {
  const later = removals.slice(removalsACommit);
  if (later.length === 0) return { writes: removals, due: [] };
  const list = Buffer.from(JSON.stringify(later.map((write) => write.path)));
  return {
    writes: [...removals.slice(0, removalsACommit), { path: trash, value: list }],
    due: [{ at: now, name: trash }],
  };
}

function checkCas(secret: SecretRecord | undefined, cas: number | undefined): void {
  if (cas === undefined) {
    if (secret?.casRequired !== true) return;
    throw new CofferError('conflict', 'check-and-set parameter required for this call');
  }
  if (cas !== (secret?.current ?? 0)) {
    throw new CofferError('conflict', 'check-and-set parameter did not match the current version');
  }
}

/** Marks versions as deleted (or not any more). Versions that do not exist, or are destroyed, are passed over. */
export async function setDeleted(
  place: Place,
  versions: readonly number[] | 'current',
  deleted: boolean,
): Promise<void> {
  const { secrets, call, path } = place;
  const now = call.clock.now();
  await retryOnConflict(async () => {
    const before = await secrets.read(call.view, path);
    if (before === undefined) return;
    const { secret } = before;
    const changed: Record<string, VersionRecord> = {};
    for (const number of versions === 'current' ? [secret.current] : versions) {
      const version = secret.versions[number];
      if (version === undefined || version.destroyed || isDeleted(version, now) === deleted) continue;
      changed[number] = { ...version, deletedAt: deleted ? now : null };
    }
    if (Object.keys(changed).length === 0) return;
    await secrets.commit(call.view, path, before, {
      secret: { ...secret, updatedAt: now, versions: { ...secret.versions, ...changed } },
    });
  });
}

/** Removes the values of versions for good; their numbers stay. */
export async function destroyVersions(place: Place, versions: readonly number[]): Promise<void> {
  const { secrets, call, path } = place;
  for (let rest = [...new Set(versions)]; rest.length > 0; ) {
    const now = call.clock.now();
    const group = rest.slice(0, 4);
    rest = rest.slice(4);
    await retryOnConflict(async () => {
      const before = await secrets.read(call.view, path);
      if (before === undefined) return;
      const { secret } = before;
      const changed: Record<string, VersionRecord> = {};
      const writes = [];
      for (const number of group) {
        const version = secret.versions[number];
        if (version === undefined || version.destroyed) continue;
        const { upload: _, ...kept } = version;
        changed[number] = { ...kept, destroyed: true };
        writes.push(...secrets.removal(secret, number));
      }
      if (writes.length === 0) return;
      await secrets.commit(call.view, path, before, {
        secret: { ...secret, updatedAt: now, versions: { ...secret.versions, ...changed } },
        writes,
      });
    });
  }
}

/** Removes a secret with all that it has: from the commit that takes its pointer away it is gone. */
export async function removeSecret(place: Place): Promise<void> {
  const { secrets, call, path } = place;
  await retryOnConflict(async () => {
    const before = await secrets.read(call.view, path);
    if (before === undefined) return;
    const { secret, revision } = before;
    const all = Object.keys(secret.versions).flatMap((number) => secrets.removal(secret, Number(number)));
    const removal = removeValues(all, `trash/${secret.id}`, call.clock.now());
    await call.view.commit(
      [{ path: pointerPath(path), value: null }, ...removal.writes],
      [{ path: pointerPath(path), revision }],
      removal.due,
    );
    secrets.forget(path);
  });
}
