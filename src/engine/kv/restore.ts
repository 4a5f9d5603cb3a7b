/** A secret as it was at a time: its value of then becomes a new version, so that nothing of what came since is lost. */
import { ConflictError } from '../../errors.ts';
import type { Restoration, TreeChange } from '../secret-tree.ts';
import { placeLarge } from './large-value.ts';
import { isDeleted, type SecretRecord } from './metadata.ts';
import { pointerPath, readText } from './secrets.ts';
import type { Found } from './tree.ts';
import { withVersion } from './versions.ts';

export function restoration(found: Found, at: number): Restoration {
  const { secret } = found.read;
  if (secret.createdAt > at) return { kind: 'later' };
  const number = versionAt(secret, at);
  if (number === undefined) return { kind: secret.versions.first > 1 ? 'gone' : 'later' };
  const version = secret.versions.at(number);
  if (version === undefined || version.destroyed) return { kind: 'gone' };
  if (isDeleted(version, at)) return { kind: 'deleted' };
  const undeletes = isDeleted(version, found.now);
  if (number === secret.versions.last && !undeletes) return { kind: 'unchanged' };
  return { kind: 'restore', undeletes, change: () => newVersion(found, number) };
}

/** The newest version that was there; undefined when there was none that is still known. */
function versionAt({ versions }: SecretRecord, at: number): number | undefined {
  for (let number = versions.last; number >= versions.first; number--) {
    if ((versions.at(number)?.createdAt ?? Number.POSITIVE_INFINITY) <= at) return number;
  }
  return undefined;
}

async function newVersion(
  { secrets, random, view, name, read, now }: Found,
  old: number,
): Promise<TreeChange> {
  const { before, settings } = await secrets.readWithSettings(view, name);
  const value = await readText(view, read.secret, old);
  if (before?.revision !== read.revision || value === undefined) throw new ConflictError(pointerPath(name));
  const text = Buffer.from(value);
  const placed = await placeLarge(view, random, text, now);
  const { secret, held, writes, expectations, due } = withVersion({
    path: name,
    secret: read.secret,
    settings,
    text,
    placed,
    now,
  });
  return {
    writes: [{ path: pointerPath(name), value: secrets.encode(secret, held) }, ...writes],
    expectations: [{ path: pointerPath(name), revision: read.revision }, ...expectations],
    due,
  };
}
