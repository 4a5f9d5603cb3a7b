/** The seals that the settings name by address, and the makers of slots that a node with these settings has. */
import type { Found } from '../config/found.ts';
import type { Loaded } from '../config/load.ts';
import type { Problem } from '../config/problem.ts';
import type { Random } from '../crypto/random.ts';
import { systemRandom } from '../crypto/random.ts';
import { asCofferError } from '../errors.ts';
import type { SealElsewhere } from '../seal/addressed-seal.ts';
import type { SlotMaker } from '../seal/slot-maker.ts';
import { addressedSeals, slotMakers } from './catalog.ts';

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
