/** Keys come and go: the newest signs, and those before it verify until every token they signed has ended. */
import type { Clock } from '../../../clock.ts';
import { generateSigningKey } from '../../../crypto/jwt/sign.ts';
import type { Random } from '../../../crypto/random.ts';
import { CofferError, ConflictError } from '../../../errors.ts';
import { retryOnConflict } from '../../retry.ts';
import type { DueEntry, View } from '../../view.ts';
import { type Kept, type KeyRecord, keptWrite, keyFolder, type RetiredKey, readKept } from './records.ts';

/** Keys that verify at a time: rotating by hand again and again must not fill a record. */
const mostRetired = 40;

/** What making a key takes. */
export interface Means {
  readonly clock: Clock;
  readonly random: Random;
}

/** Puts another key in the place of the one that signs. `verificationTtl` in seconds. */
export async function rotated(
  before: KeyRecord,
  { clock, random }: Means,
  verificationTtl = before.verificationTtl,
): Promise<KeyRecord> {
  const now = clock.now();
  const retired: RetiredKey = { publicJwk: before.current.publicJwk, endsAt: now + verificationTtl * 1_000 };
  const left = [...living(before.retired, now), retired];
  if (left.length > mostRetired) {
    throw new CofferError(
      'invalid_request',
      `${mostRetired} earlier keys still verify tokens: wait until some have ended`,
    );
  }
  return {
    ...before,
    current: await generateSigningKey(before.algorithm, random),
    retired: left,
    rotatesAt: now + before.rotationPeriod * 1_000,
  };
}

function living(retired: readonly RetiredKey[], now: number): readonly RetiredKey[] {
  return retired.filter(({ endsAt }) => endsAt > now);
}

/** When a key has to be looked at next. */
export function dueOf({ name, rotatesAt, retired }: KeyRecord): DueEntry {
  return { at: Math.min(rotatesAt, ...retired.map(({ endsAt }) => endsAt)), name: `oidc/${name}` };
}

/** Duty: rotates a key whose time has come, and forgets keys that have ended. Comes by in vain where somebody was faster. */
export async function onKeyDue(name: string, view: View, means: Means): Promise<void> {
  await retryOnConflict(async () => {
    const kept = await readKept<KeyRecord>(view, keyFolder + name);
    if (kept === undefined) return;
    const now = means.clock.now();
    const { record } = kept;
    const due = record.rotatesAt <= now;
    if (!due && living(record.retired, now).length === record.retired.length) return;
    const after = due ? await rotated(record, means) : { ...record, retired: living(record.retired, now) };
    await commitKey(view, after, kept);
  });
}

/** `before` undefined: there is none yet. */
export async function commitKey(
  view: View,
  after: KeyRecord,
  before: Kept<KeyRecord> | undefined,
): Promise<void> {
  const path = keyFolder + after.name;
  try {
    await view.commit(
      [keptWrite(path, after)],
      [{ path, revision: before?.revision ?? null }],
      [dueOf(after)],
    );
  } catch (error) {
    // A view's conflict names a path; whoever repeats the attempt only needs to know that it was one.
    if (error instanceof ConflictError) throw new ConflictError(path);
    throw error;
  }
}
