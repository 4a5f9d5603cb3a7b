/** The settings of a mount as they are sent: when it is enabled, and when it is tuned. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Fields } from '../endpoint.ts';
import { coerceFields } from '../field.ts';
import {
  type MountConfig,
  type MountKind,
  type MountTokenType,
  mountTokenTypes,
  noMountConfig,
} from './entry.ts';

export const configFields = {
  default_lease_ttl: { type: 'string', help: 'Seconds or duration; "" and "system" are the system’s.' },
  max_lease_ttl: { type: 'string', help: 'Seconds or duration; "" and "system" are the system’s.' },
  listing_visibility: { type: 'string', help: '"", "unauth" or "hidden".' },
  token_type: {
    type: 'string',
    help: 'Of auth methods, what logins get: "service", "batch", "default-service" or "default-batch".',
  },
} as const satisfies Fields;

/** What is not sent stays as it was `before`. Throws `invalid_request` for what cannot be. */
export function parseConfig(
  sent: JsonObject,
  before: MountConfig = noMountConfig,
  kind: MountKind = 'auth',
): MountConfig {
  const { values } = coerceFields(configFields, sent);
  const visibility = values['listing_visibility'] ?? before.listingVisibility;
  if (visibility !== '' && visibility !== 'unauth' && visibility !== 'hidden') {
    throw new CofferError('invalid_request', 'listing_visibility is "", "unauth" or "hidden"');
  }
  const tokenType = parseTokenType(values['token_type'], kind) ?? before.tokenType;
  const config = {
    ...before,
    defaultLeaseTtl: seconds('default_lease_ttl', values['default_lease_ttl']) ?? before.defaultLeaseTtl,
    maxLeaseTtl: seconds('max_lease_ttl', values['max_lease_ttl']) ?? before.maxLeaseTtl,
    listingVisibility: visibility,
    ...(tokenType === undefined ? {} : { tokenType }),
  } as const;
  if (config.maxLeaseTtl > 0 && config.defaultLeaseTtl > config.maxLeaseTtl) {
    throw new CofferError('invalid_request', 'default_lease_ttl is longer than max_lease_ttl');
  }
  return config;
}

/** Typed clients always send it, mostly empty. */
function parseTokenType(sent: unknown, kind: MountKind): MountTokenType | undefined {
  if (sent === undefined || sent === '') return undefined;
  if (kind !== 'auth') {
    throw new CofferError('invalid_request', "'token_type' can only be modified on auth mounts");
  }
  const type = mountTokenTypes.find((one) => one === sent);
  if (type !== undefined) return type;
  throw new CofferError('invalid_request', `token_type is one of ${mountTokenTypes.join(', ')}`);
}

/** 0 is the system's. */
function seconds(name: string, text: unknown): number | undefined {
  if (text === undefined) return undefined;
  if (text === '' || text === 'system') return 0;
  const { values } = coerceFields({ [name]: { type: 'duration', help: '' } }, { [name]: String(text) });
  return Number(values[name]);
}
