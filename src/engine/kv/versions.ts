/** What happens to a secret's versions: writing, patching, soft-deleting, restoring, destroying, removing all. */
import type { Call } from '../../core/endpoint.ts';
import { applyMergePatch } from '../../core/merge-patch.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { parseStored } from '../../core/stored-json.ts';
import type { DueEntry, View, ViewWrite } from '../../core/view.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { endingEntry } from './ending.ts';
import { type Placed, placeLarge } from './large-value.ts';
import { isDeleted, newSecret, type SecretRecord, shownVersion } from './metadata.ts';
import { isHeld } from './pointer.ts';
import {
  Beginning,
  type Change,
  pointerPath,
  type ReadSecret,
  readText,
  removeText,
  type Secrets,
  versionPath,
} from './secrets.ts';
import { type MountSettings, selfDeletion, versionsKept } from './settings.ts';
import type { VersionRecord } from './version-rows.ts';

/** Values removed in one commit: a large one has several parts, and a commit has its limit. */
const removalsACommit = 38;

export interface Place {
  readonly secrets: Secrets;
  readonly random: Random;
  readonly call: Pick<Call, 'view' | 'clock' | 'asked'>;
  readonly path: string;
}

/** Adds a version. `cas`: the current version it must follow, 0 for none yet. Throws `conflict` when it does not. */
export async function addVersion(
  place: Place,
  data: JsonObject,
  cas: number | undefined,
): Promise<JsonObject> {
  const { secrets, random, call, path } = place;
  const text = Buffer.from(JSON.stringify(data));
  const placed = await placeLarge(call.view, random, text, call.clock.now());
  let beginning = Beginning.of(call);
  return retryOnConflict(async () => {
    const { before, settings } = beginning ?? (await secrets.readWithSettings(call.view, path));
    // Another try looks again.
    beginning = undefined;
    checkCas(before?.secret, settings, cas);
    return commitVersion(place, before, settings, text, placed);
  });
}

/** What a patch came to: a new version, or the current one that cannot be patched; undefined where there is none. */
export type Patched = { readonly kind: 'written' | 'deleted'; readonly shown: JsonObject } | undefined;

/** Adds a version that is the current one with a merge patch (RFC 7396) applied. Throws as `addVersion` does. */
export async function patchVersion(
  place: Place,
  patch: JsonObject,
  cas: number | undefined,
): Promise<Patched> {
  const { secrets, random, call, path } = place;
  return retryOnConflict(async (): Promise<Patched> => {
    const { before, settings } = await secrets.readWithSettings(call.view, path);
    if (before === undefined) return undefined;
    const { secret } = before;
    checkCas(secret, settings, cas);
    const number = secret.versions.last;
    const version = secret.versions.at(number);
    if (version === undefined) return undefined;
    if (version.destroyed || isDeleted(version, call.clock.now())) {
      return { kind: 'deleted', shown: shownVersion(secret, number, version) };
    }
    const current = await readText(call.view, secret, number);
    // Where it went meanwhile, the pointer changed with it: the commit will find out.
    const patched = applyMergePatch(current === undefined ? {} : parseStored(Buffer.from(current)), patch);
    const text = Buffer.from(JSON.stringify(patched));
    const placed = await placeLarge(call.view, random, text, call.clock.now());
    return { kind: 'written', shown: await commitVersion(place, before, settings, text, placed) };
  });
}

/** Throws `conflict` when the secret is no longer as it was read. */
async function commitVersion(
  { secrets, random, call, path }: Place,
  before: ReadSecret | undefined,
  settings: MountSettings,
  text: Buffer,
  placed: Placed | undefined,
): Promise<JsonObject> {
  const now = call.clock.now();
  const secret = before?.secret ?? newSecret(randomUuid(random), now);
  const change = withVersion({ path, secret, settings, text, placed, now });
  await secrets.commit(call.view, path, before, change);
  return shownVersion(change.secret, change.secret.versions.last, change.version);
}

/** A secret about to get a version more: what of it is known. */
export interface Growth {
  readonly path: string;
  readonly secret: SecretRecord;
  readonly settings: MountSettings;
  readonly text: Buffer;
  /** Where the text lies, if it is too long for one record. */
  readonly placed: Placed | undefined;
  readonly now: number;
}

/** The change that adds a version, with what it pushes out. */
export function withVersion({ path, secret, settings, text, placed, now }: Growth): Required<Change> & {
  readonly version: VersionRecord;
} {
  const number = secret.versions.last + 1;
  const from = number - versionsKept(secret, settings) + 1;
  const endsIn = selfDeletion(secret, settings);
  const version: VersionRecord = {
    createdAt: now,
    deletedAt: endsIn > 0 ? now + endsIn : null,
    destroyed: false,
    endsByItself: endsIn > 0,
    ...(placed === undefined ? {} : { upload: placed.upload }),
  };
  const changed = { ...secret, updatedAt: now, versions: secret.versions.appended(version, from) };
  const value =
    placed === undefined ? [{ path: versionPath(secret.id, number), value: text }] : placed.writes;
  const removal = removeValues(dropped(secret, from), `trash/${secret.id}-${number}`, now);
  const ending = endsIn > 0 ? [endingEntry(path, now + endsIn)] : [];
  return {
    secret: changed,
    held: isHeld(text) ? text : undefined,
    version,
    writes: [...value, ...removal.writes],
    expectations: placed?.expectations ?? [],
    due: [...removal.due, ...ending],
  };
}

/** The writes that remove the values of all versions before number `from`. */
function dropped(secret: SecretRecord, from: number): readonly ViewWrite[] {
  const { first, last } = secret.versions;
  const writes: ViewWrite[] = [];
  for (let old = first; old < from && old <= last; old++) writes.push(...removeText(secret, old));
  return writes;
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

/** Duty: values of a removed secret that did not fit its last commit. */
export async function emptyTrash(view: View, name: string): Promise<void> {
  const record = await view.read(name);
  if (record === undefined) return;
  const paths = parseStored<string[]>(record.open());
  for (let start = 0; start < paths.length; start += 40) {
    const writes: ViewWrite[] = paths.slice(start, start + 40).map((path) => ({ path, value: null }));
    await view.commit(writes);
  }
  await view.commit([{ path: name, value: null }]);
}

function checkCas(secret: SecretRecord | undefined, settings: MountSettings, cas: number | undefined): void {
  if (cas === undefined) {
    if (secret?.casRequired !== true && !settings.casRequired) return;
    throw new CofferError('conflict', 'check-and-set parameter required for this call');
  }
  if (cas !== (secret?.versions.last ?? 0)) {
    throw new CofferError('conflict', 'check-and-set parameter did not match the current version');
  }
}

/**
 * Marks versions as deleted, or not any more: also not by themselves later. Versions that do not exist, or are destroyed, are
 * passed over.
 */
export async function setDeleted(
  { secrets, call, path }: Place,
  versions: readonly number[] | 'current',
  deleted: boolean,
): Promise<void> {
  const now = call.clock.now();
  await retryOnConflict(async () => {
    const before = await secrets.read(call.view, path);
    if (before === undefined) return;
    const { secret } = before;
    const changed = new Map<number, VersionRecord>();
    for (const number of versions === 'current' ? [secret.versions.last] : versions) {
      const version = secret.versions.at(number);
      if (version === undefined || version.destroyed) continue;
      if (deleted ? isDeleted(version, now) : version.deletedAt === null) continue;
      changed.set(number, { ...version, deletedAt: deleted ? now : null, endsByItself: false });
    }
    if (changed.size === 0) return;
    await secrets.commit(call.view, path, before, {
      secret: { ...secret, updatedAt: now, versions: secret.versions.changed(changed) },
    });
  });
}

/** Removes the values of versions for good; their numbers stay. */
export async function destroyVersions(
  { secrets, call, path }: Place,
  versions: readonly number[],
): Promise<void> {
  const { view } = call;
  for (let rest: readonly number[] = [...new Set(versions)]; rest.length > 0; ) {
    rest = await retryOnConflict(async () => {
      const before = await secrets.read(view, path);
      if (before === undefined) return [];
      const step = destroyStep(before.secret, rest, call.clock.now());
      if (step.writes.length > 0) await secrets.commit(view, path, before, step);
      return step.rest;
    });
  }
}

/** As many of the versions as fit one commit, destroyed; `rest` is what is left to do. */
export function destroyStep(
  secret: SecretRecord,
  versions: readonly number[],
  now: number,
): {
  readonly secret: SecretRecord;
  readonly writes: readonly ViewWrite[];
  readonly rest: readonly number[];
} {
  const changed = new Map<number, VersionRecord>();
  const writes: ViewWrite[] = [];
  let done = 0;
  for (; done < versions.length && writes.length < removalsACommit - 5; done++) {
    const number = versions[done] ?? 0;
    const version = secret.versions.at(number);
    if (version === undefined || version.destroyed) continue;
    const { upload: _, ...kept } = version;
    changed.set(number, { ...kept, destroyed: true, endsByItself: false });
    writes.push(...removeText(secret, number));
  }
  const destroyed = { ...secret, updatedAt: now, versions: secret.versions.changed(changed) };
  return { secret: destroyed, writes, rest: versions.slice(done) };
}

/** Removes a secret with all that it has: from the commit that takes its pointer away it is gone. */
export async function removeSecret({ secrets, call, path }: Place): Promise<void> {
  await retryOnConflict(async () => {
    const before = await secrets.read(call.view, path);
    if (before === undefined) return;
    const { secret, revision } = before;
    const all = dropped(secret, secret.versions.last + 1);
    const removal = removeValues(all, `trash/${secret.id}`, call.clock.now());
    await call.view.commit(
      [{ path: pointerPath(path), value: null }, ...removal.writes],
      [{ path: pointerPath(path), revision }],
      removal.due,
    );
    secrets.forget(path);
  });
}
