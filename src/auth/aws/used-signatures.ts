/**
 * Signatures that have logged somebody in. A signed request is good for whoever has it until it is too old, so it stays with the
 * address that brought it first. Two programs of one machine that sign in the same second have the same signature, which is why
 * the address may bring it again (ADR 132).
 */
import type { Call } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { originOf } from '../../origin.ts';
import { type SignedRequest, signedWithin } from './signed-request.ts';

interface UsedSignature {
  readonly origin: string;
}

const folder = 'signature/';
const prefix = 'signatures/';
const minute = 60_000;
const recordsAStep = 40;

/** Rejects with `permission_denied` for a signature that came from elsewhere before. */
export async function useSignature(
  environment: EngineEnvironment,
  { view, remoteAddress }: Pick<Call, 'view' | 'remoteAddress'>,
  { signature, signedAt }: SignedRequest,
): Promise<void> {
  const origin = originOf(remoteAddress);
  const at = Math.floor(signedAt / minute);
  const path = `${folder}${at}/${environment.digest(`signature/${signature}`)}`;
  await retryOnConflict(async () => {
    const sealed = await view.read(path);
    if (sealed === undefined) {
      const used: UsedSignature = { origin };
      const due = { at: (at + 2) * minute + signedWithin, name: `${prefix}${at}` };
      await view.commit([{ path, value: encodeStored(used) }], [{ path, revision: null }], [due]);
    } else if (decodeStored<UsedSignature>(sealed.open()).origin !== origin) {
      throw new CofferError('permission_denied', 'the signed request logged in from another address before');
    }
  });
}

export function isSignaturesStep(name: string): boolean {
  return name.startsWith(prefix);
}

/** Duty: forgets what was signed in a minute that is too long ago to be taken. */
export async function forgetSignatures(name: string, view: View, now: number): Promise<void> {
  const at = Number(name.slice(prefix.length));
  if (!Number.isSafeInteger(at) || (at + 1) * minute + signedWithin > now) return;
  for (;;) {
    const page = await view.children(`${folder}${at}/`, { limit: recordsAStep });
    if (page.items.length === 0) return;
    await view.commit(page.items.map((child) => ({ path: `${folder}${at}/${child}`, value: null })));
  }
}
