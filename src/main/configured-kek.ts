/** For commands on the host of a data directory: a slot's key by what the server's settings name, as they are found here. */
import type { Shell } from '../cli/shell.ts';
import { asCofferError, CofferError } from '../errors.ts';
import type { Slot } from '../seal/slots.ts';
import { addressedSeals } from './catalog.ts';
import { openConfiguredSeals } from './configured-seals.ts';
import { loadServerSettings } from './server-settings.ts';

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
