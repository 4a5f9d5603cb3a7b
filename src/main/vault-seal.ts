/** `seal "awskms"` of the old server's configuration as an address of ours. */
import { asCofferError } from '../errors.ts';
import { parseKmsAddress } from '../seal/awskms/kms-address.ts';

export type SealReading =
  | { readonly kind: 'address'; readonly address: string }
  /** `key` is where it is wrong; the block itself where undefined. */
  | { readonly kind: 'refused'; readonly key?: string; readonly why: string };

/** Options of ours, by the old name. */
const options: Readonly<Record<string, string>> = {
  region: 'region',
  endpoint: 'endpoint',
  role_arn: 'role_arn',
  shared_creds_profile: 'profile',
};

/** Without meaning here: several seals are tried in the order of the file. */
const meaningless: ReadonlySet<string> = new Set([
  'kms_key_id',
  'disabled',
  'name',
  'priority',
  'role_session_name',
]);

const secrets: ReadonlySet<string> = new Set(['access_key', 'secret_key', 'session_token']);

/** @param members as JSON would have them. No value is repeated, since any may be a secret that slipped. */
export function readAwskms(members: ReadonlyMap<string, unknown>): SealReading {
  const query = new URLSearchParams();
  for (const [name, value] of members) {
    if (secrets.has(name) && value !== '') {
      const why =
        'belongs into the environment (AWS_ACCESS_KEY_ID and its like) or a profile, not into this file';
      return { kind: 'refused', key: name, why };
    }
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined && !meaningless.has(name) && !secrets.has(name)) {
      return { kind: 'refused', key: name, why: 'is no key of seal "awskms"' };
    }
    if (option !== undefined && typeof value === 'string' && value !== '') query.set(option, value);
  }
  const key = members.get('kms_key_id');
  if (typeof key !== 'string' || key === '') {
    return { kind: 'refused', why: 'seal "awskms" names no key: say kms_key_id = "alias/…"' };
  }
  const text = query.toString();
  const address = `awskms:${key}${text === '' ? '' : `?${text}`}`;
  try {
    parseKmsAddress(address);
    return { kind: 'address', address };
  } catch (error) {
    return { kind: 'refused', why: `seal "awskms": ${asCofferError(error).message}` };
  }
}
