/** How the newest term of a keyring is used. */
import { integrityError } from '../crypto/aead.ts';
import type { Storage } from '../storage/storage.ts';
import { openUsage, usageKey } from './seal-budget.ts';
import type { TermStatus } from './store.ts';
import type { Unsealed } from './unsealed.ts';

/** Rejects with `integrity` where the term's count is gone or damaged, `sealed` where the barrier was sealed meanwhile. */
export async function newestTerm(storage: Storage, unsealed: Unsealed): Promise<TermStatus> {
  const { keyring } = unsealed;
  const { id, installedAt } = keyring.newest;
  const usage = await storage.read(usageKey(keyring.newest));
  unsealed.requireLive();
  if (usage === undefined) throw integrityError();
  unsealed.budget.note(id, usage);
  const older = [...keyring.terms.values()].filter((term) => term.id !== id && term.retiredAt === undefined);
  const seals = openUsage(keyring.newest, usage.value);
  return { id, installedAt, seals, older: older.map((term) => term.id) };
}
