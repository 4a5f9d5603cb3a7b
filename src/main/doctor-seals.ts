/** What `coffer doctor` finds in seals whose keys are elsewhere: the keys that the settings name, and the slots of the store. */
import { type Finding, fail, ok, warn } from '../cli/doctor/finding.ts';
import type { Environment } from '../cli/shell.ts';
import type { Loaded } from '../config/load.ts';
import { asCofferError } from '../errors.ts';
import type { SealElsewhere } from '../seal/addressed-seal.ts';
import type { Slot } from '../seal/slots.ts';
import { addressedSeals } from './catalog.ts';
import type { SlotsOfStore } from './configured-kek.ts';
import { openConfiguredSeals, sealProblems } from './configured-seals.ts';

/** Never rejects, and changes nothing: a slot is opened, and what opens it forgotten. Empty where no key is elsewhere. */
export async function checkSeals(
  loaded: Loaded,
  store: SlotsOfStore | undefined,
  env: Environment,
): Promise<readonly Finding[]> {
  if (loaded.problems.length > 0 || sealProblems(loaded).length > 0) return [];
  const { seals } = openConfiguredSeals(loaded.settings.seals, env);
  try {
    const named = await Promise.all(seals.map((seal) => checkSeal(seal, store)));
    return [...named.flat(), ...unnamed(seals, store)];
  } finally {
    for (const seal of seals) seal.close?.();
  }
}

async function checkSeal(seal: SealElsewhere, store: SlotsOfStore | undefined): Promise<readonly Finding[]> {
  const check = `${seal.kind} key`;
  const name = seal.keyName;
  try {
    const problem = await seal.findProblem();
    if (problem !== undefined) return [fail(check, problem, 'put it right before the next start')];
    const slots = store?.slots.filter(({ kind }) => kind === seal.kind) ?? [];
    if (store === undefined) return [ok(check, `${name} can be used`)];
    if (slots.length === 0) {
      return [
        warn(
          check,
          `${name} can be used, and no slot of the store is for it`,
          `add one: coffer operator slots add ${seal.kind}`,
        ),
      ];
    }
    return [await opening(seal, store, slots)];
  } catch (error) {
    return [fail(check, asCofferError(error).message, 'without it the next start stays sealed')];
  }
}

/** A key opens its own slots; those of others are none of its business. */
async function opening(seal: SealElsewhere, store: SlotsOfStore, slots: readonly Slot[]): Promise<Finding> {
  const check = `${seal.kind} key`;
  let problem = '';
  for (const { id, body } of slots) {
    try {
      (await seal.unwrapKek(body, { storeId: store.header.id, slotId: id })).fill(0);
      return ok(check, `${seal.keyName} opens the store`);
    } catch (error) {
      problem = asCofferError(error).message;
    }
  }
  return fail(check, problem, 'without it the next start stays sealed');
}

function unnamed(seals: readonly SealElsewhere[], store: SlotsOfStore | undefined): readonly Finding[] {
  return addressedSeals.flatMap(({ kind }) => {
    const has = store?.slots.some((slot) => slot.kind === kind) === true;
    if (!has || seals.some((seal) => seal.kind === kind)) return [];
    return [
      warn(
        `${kind} key`,
        'the store has a slot for one, and the settings here name none',
        'set seal (COFFER_SEAL), or run this where the server runs',
      ),
    ];
  });
}
