/** A configured provider at rest. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import { CofferError } from '../../errors.ts';
import type { ProviderSettings } from '../../service-user/provider.ts';

export interface ProviderRecord extends ProviderSettings {
  /** A row of the catalog; the same for as long as the provider is there. */
  readonly type: string;
  /** It is being deleted: no application comes to it any more. */
  readonly leaving: boolean;
}

/** The provider that is there without being configured, and the only one of its kind: its users are in the mount's own storage. */
export const ownProvider = 'builtin';

/** Its record, where nobody has configured it. */
export const ownRecord: ProviderRecord = { type: ownProvider, options: {}, secret: '', leaving: false };

export const providerFolder = 'provider/';

/** @param name as `parseProviderName` answers it */
export function providerPath(name: string): string {
  return providerFolder + name;
}

/** Throws `invalid_request` for what cannot be a provider's name. */
export function parseProviderName(text: string | undefined): string {
  if (text !== undefined && /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a provider’s name has 1 to 63 lower-case letters, digits, "_" and "-", and begins and ends with a letter or digit',
  );
}

export function encodeProvider(record: ProviderRecord): Buffer {
  return encodeStored(record);
}

export function decodeProvider(bytes: Buffer): ProviderRecord {
  return decodeStored<ProviderRecord>(bytes);
}
