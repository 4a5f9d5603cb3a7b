/** What `coffer doctor` finds in the keyfile of a server here: the one that its settings name, or the one at the usual place. */
import { existsSync } from 'node:fs';
import { type Finding, fail, ok, warn } from '../cli/doctor/finding.ts';
import type { Loaded } from '../config/load.ts';
import type { Places } from '../config/paths.ts';
import { systemRandom } from '../crypto/random.ts';
import { asCofferError } from '../errors.ts';
import { KeyfileSeal } from '../seal/keyfile/keyfile-seal.ts';
import type { SlotsOfStore } from './configured-kek.ts';
import { defaultKeyfile } from './first-start.ts';

/** Never rejects, and changes nothing. Empty where the store here, if there is one, has no slot of a keyfile and none is named. */
export async function checkKeyfile(
  { settings, problems }: Loaded,
  store: SlotsOfStore | undefined,
  places: Places,
): Promise<readonly Finding[]> {
  if (problems.length > 0) return [];
  const check = 'keyfile';
  const { keyfile: named } = settings;
  if (store === undefined) {
    if (named === undefined || existsSync(named)) return [];
    return [
      warn(check, `there is no ${named}`, 'a new store is made with it; for one that is there put it back'),
    ];
  }
  const slots = store.slots.filter(({ kind }) => kind === 'keyfile');
  if (slots.length === 0) return [];
  const storeId = store.header.id;
  const path = named ?? defaultKeyfile(places, storeId);
  const advice =
    'without it the next start stays sealed, unless another slot opens: set keyfile (COFFER_KEYFILE)';
  if (!existsSync(path)) {
    const others = named === undefined || store.slots.length > slots.length;
    return [(others ? warn : fail)(check, `there is no ${path}, and the store has a slot for one`, advice)];
  }
  let problem = '';
  for (const { id, body } of slots) {
    try {
      const seal = new KeyfileSeal({ path, random: systemRandom });
      (await seal.unwrap(body, { storeId, slotId: id })).fill(0);
      return [ok(check, `${path} opens the store`)];
    } catch (error) {
      problem = asCofferError(error).message;
    }
  }
  return [fail(check, problem, advice)];
}
