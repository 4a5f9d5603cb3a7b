/** The seals that the settings name by address, and the makers of slots that a node with these settings has. */
import type { Shell } from '../cli/shell.ts';
import type { Found } from '../config/found.ts';
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { Random } from '../crypto/random.ts';
import { systemRandom } from '../crypto/random.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { SealElsewhere } from '../seal/addressed-seal.ts';
import type { SlotMaker } from '../seal/slot-maker.ts';
import type { Slot } from '../seal/slots.ts';
import { addressedSeals, slotMakers } from './catalog.ts';
import { loadServerSettings } from './server-settings.ts';

export interface ConfiguredSeals {
  /** One for each address; asked of nobody yet. */
  readonly seals: readonly SealElsewhere[];
  /** Every kind of slot; those with an address say what to do where the settings name none. */
  readonly makers: readonly SlotMaker[];
}

/** Throws `invalid_request` for an address that cannot be. */
export function openConfiguredSeals(
  addresses: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  random: Random = systemRandom,
): ConfiguredSeals {
  const opened = addressedSeals.map((type) => {
    const own = addresses.filter((address) => address.startsWith(`${type.kind}:`));
    return type.open(own, { env, random });
  });
  return {
    seals: opened.flatMap(({ seals }) => seals),
    makers: [...slotMakers, ...opened.map(({ maker }) => maker)],
  };
}

/** Addresses that cannot be, each at the place where it was said. Asks nobody. */
export function sealProblems({ settings, found }: Loaded): readonly Problem[] {
  const said: Found<unknown> | undefined = found.find(({ name }) => name === 'seal');
  return settings.seals.flatMap((address) => {
    try {
      openConfiguredSeals([address], {});
      return [];
    } catch (error) {
      return said === undefined ? [] : [said.origin.problem(asCofferError(error).message)];
    }
  });
}

/** A store as its clear records show it. */
export interface SlotsOfStore {
  readonly header: { readonly id: string };
  readonly slots: readonly Slot[];
}

/**
 * A slot's KEK, by a key that the server's settings name here; the caller's, to use and to zero. Undefined where the store has no
 * slot for such a key; where none opens, each reason is told as a warning first.
 */
export async function configuredKek(
  shell: Shell,
  { header, slots }: SlotsOfStore,
): Promise<{ readonly kek: Buffer; readonly slot: Slot } | undefined> {
  const own = slots.filter(({ kind }) => addressedSeals.some((type) => type.kind === kind));
  if (own.length === 0) return undefined;
  const { seals } = openConfiguredSeals(loadServerSettings({}, shell).settings.seals, shell.env);
  try {
    for (const slot of own) {
      for (const seal of seals.filter(({ kind }) => kind === slot.kind)) {
        const kek = await seal
          .unwrapKek(slot.body, { storeId: header.id, slotId: slot.id })
          .catch((error: unknown) => {
            shell.ui.warn(`the ${slot.kind} slot does not open: ${asCofferError(error).message}`);
          });
        if (kek !== undefined) return { kek, slot };
      }
    }
    return undefined;
  } finally {
    for (const seal of seals) seal.close?.();
  }
}

/** Throws `usage` where the settings name no key at all. */
export function requireConfiguredSeals(shell: Shell): void {
  if (loadServerSettings({}, shell).settings.seals.length > 0) return;
  throw new CofferError(
    'usage',
    'no KMS key is named here: say COFFER_SEAL=awskms:alias/NAME?region=REGION, or COFFER_CONFIG=FILE',
  );
}
