/** A secret as it was at a time: its value of then becomes a new version, so that nothing of what came since is lost. */
import { ConflictError } from '../../errors.ts';
import type { Restoration, TreeChange } from '../secret-tree.ts';
import { encodeSecret, isDeleted, pushedOut, type SecretRecord, type VersionRecord } from './metadata.ts';
import { pointerPath } from './secrets.ts';
import type { Found } from './tree.ts';

/** Values that a new version pushes out and that go with its commit; the duty takes the rest. */
const removalsInChange = 4;

export function restoration(found: Found, at: number): Restoration {
  const { secret } = found.read;
  if (secret.createdAt > at) return { kind: 'later' };
  const number = versionAt(secret, at);
  if (number === undefined) return { kind: secret.oldest > 0 ? 'gone' : 'later' };
  const version = secret.versions[number];
  if (version === undefined || version.destroyed) return { kind: 'gone' };
  if (isDeleted(version, at)) return { kind: 'deleted' };
  const undeletes = isDeleted(version, found.now);
  if (number === secret.current && !undeletes) return { kind: 'unchanged' };
  return { kind: 'restore', undeletes, change: () => newVersion(found, number) };
}

/** The newest version that was there; undefined when there was none that is still known. */
function versionAt({ versions }: SecretRecord, at: number): number | undefined {
  return Object.keys(versions)
    .map(Number)
    .findLast((number) => (versions[number]?.createdAt ?? Number.POSITIVE_INFINITY) <= at);
}

async function newVersion(found: Found, old: number): Promise<TreeChange> {
  const { secrets, view, name, read, now } = found;
  const { secret } = read;
  const value = await secrets.readVersion(view, name, old);
  if (value?.revision !== read.revision || value.text === undefined)
    throw new ConflictError(pointerPath(name));
  const placed = await secrets.place(view, name, Buffer.from(value.text), now);
  const number = secret.current + 1;
  const { gone, kept } = pushedOut(secret, number);
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
  const values = gone.flatMap((pushed) => secrets.removal(secret, pushed));
  const trash = `trash/${secret.id}-${number}`;
  const later = values.length > removalsInChange;
  const list = Buffer.from(JSON.stringify(values.map(({ path }) => path)));
  return {
    writes: [
      { path: pointerPath(name), value: encodeSecret(changed) },
      ...placed.writes(secret.id, number),
      ...(later ? [{ path: trash, value: list }] : values),
    ],
    expectations: [{ path: pointerPath(name), revision: read.revision }, ...placed.expectations],
    due: later ? [{ at: now, name: trash }] : [],
  };
}
