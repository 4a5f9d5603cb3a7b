/** The settings of a mount as they are sent: when it is enabled, and when it is tuned. */
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Fields, FieldValues } from '../endpoint.ts';
import { coerceFields } from '../field.ts';
import { parseLockout } from '../lockout/mount-lockout.ts';
import {
  type MountConfig,
  type MountKind,
  type MountTokenType,
  mountTokenTypes,
  noMountConfig,
  type SystemTtls,
} from './entry.ts';

export const configFields = {
  default_lease_ttl: { type: 'string', help: 'Seconds or duration; "" and "system" are the system’s.' },
  max_lease_ttl: { type: 'string', help: 'Seconds or duration; "" and "system" are the system’s.' },
  force_no_cache: { type: 'bool', help: 'Kept and shown; plaintext of secrets is never cached.' },
  listing_visibility: { type: 'string', help: '"", "unauth" or "hidden".' },
  audit_non_hmac_request_keys: {
    type: 'list',
    help: 'Names whose values the audit log shows, unless the endpoint declares them as secret.',
  },
  audit_non_hmac_response_keys: { type: 'list', help: 'The same for answers.' },
  passthrough_request_headers: {
    type: 'list',
    help: 'Kept and shown; no engine is handed any header of a request.',
  },
  allowed_response_headers: {
    type: 'list',
    help: 'Kept and shown; no engine sets any header of an answer.',
  },
  token_type: {
    type: 'string',
    help: 'Of auth methods: "default-service", "default-batch", "service" or "batch".',
  },
  user_lockout_config: {
    type: 'object',
    help: 'Of auth methods that lock names: lockout_threshold, lockout_duration, lockout_counter_reset, lockout_disable.',
  },
  allowed_managed_keys: { type: 'list', help: 'Not supported; must be empty.' },
  delegated_auth_accessors: { type: 'list', help: 'Not supported; must be empty.' },
  identity_token_key: { type: 'string', help: 'Not supported; must be empty.' },
  plugin_name: { type: 'string', help: 'The type once more, or empty.' },
  plugin_version: { type: 'string', help: 'There is one version of each engine; must be empty.' },
} as const satisfies Fields;

/** What the settings are for. */
export interface ConfiguredMount {
  readonly kind: MountKind;
  readonly type: string;
  readonly system: SystemTtls;
  /** Its method locks names after failed logins. */
  readonly locksNames: boolean;
  /** `auth/token/`, whose tokens are of the type that is asked for. */
  readonly makesAnyToken?: boolean;
}

type Sent = Partial<FieldValues<typeof configFields>>;

/** What is not sent stays as it was `before`. Throws `invalid_request` for what cannot be. */
export function parseConfig(
  sent: JsonObject,
  mount: ConfiguredMount,
  before: MountConfig = noMountConfig,
): MountConfig {
  const values = coerceFields(configFields, sent).values as Sent;
  refuseUnsupported(values, mount);
  const visibility = values.listing_visibility ?? before.listingVisibility;
  if (visibility !== '' && visibility !== 'unauth' && visibility !== 'hidden') {
    throw new CofferError('invalid_request', 'listing_visibility is "", "unauth" or "hidden"');
  }
  const config: MountConfig = {
    defaultLeaseTtl: seconds('default_lease_ttl', values.default_lease_ttl) ?? before.defaultLeaseTtl,
    maxLeaseTtl: seconds('max_lease_ttl', values.max_lease_ttl) ?? before.maxLeaseTtl,
    listingVisibility: visibility,
    forceNoCache: (values.force_no_cache ?? before.forceNoCache) || undefined,
    clearRequestKeys: names(values.audit_non_hmac_request_keys, before.clearRequestKeys),
    clearAnswerKeys: names(values.audit_non_hmac_response_keys, before.clearAnswerKeys),
    passthroughRequestHeaders: names(values.passthrough_request_headers, before.passthroughRequestHeaders),
    allowedResponseHeaders: names(values.allowed_response_headers, before.allowedResponseHeaders),
    tokenType: tokenType(values.token_type, mount) ?? before.tokenType,
    lockout: lockout(values.user_lockout_config, mount, before),
  };
  checkTtls(config, mount.system);
  return config;
}

function checkTtls(config: MountConfig, system: SystemTtls): void {
  const longest = config.maxLeaseTtl || system.max;
  if (config.defaultLeaseTtl <= longest) return;
  const whose = config.maxLeaseTtl > 0 ? 'max_lease_ttl' : `the system’s longest, ${longest} seconds`;
  throw new CofferError('invalid_request', `default_lease_ttl is longer than ${whose}`);
}

/** What would be kept and mean nothing is refused: whoever sets it relies on it. */
function refuseUnsupported(values: Sent, { type }: ConfiguredMount): void {
  const empty = ['allowed_managed_keys', 'delegated_auth_accessors', 'identity_token_key'] as const;
  for (const name of empty) {
    if ((values[name]?.length ?? 0) > 0) {
      throw new CofferError('invalid_request', `${name} is not supported: leave it empty`);
    }
  }
  checkPlugin(type, values.plugin_name, values.plugin_version);
}

/** Engines are a part of the program: there is nothing to choose. Throws `invalid_request` for any other choice. */
export function checkPlugin(type: string, name: string | undefined, version: string | undefined): void {
  if (name !== undefined && name !== '' && name !== type) {
    throw new CofferError('invalid_request', `plugin_name is "${type}" here, or empty`);
  }
  if (version !== undefined && version !== '') {
    throw new CofferError(
      'invalid_request',
      'there is one version of each engine and auth method: leave plugin_version empty',
    );
  }
}

const mostNames = 128;

/** An empty list is none. */
function names(
  sent: readonly string[] | undefined,
  before: readonly string[] | undefined,
): readonly string[] | undefined {
  if (sent === undefined) return before;
  if (sent.length > mostNames || sent.some((name) => name.length > 256)) {
    throw new CofferError(
      'invalid_request',
      `a list of names has at most ${mostNames}, of 256 characters each`,
    );
  }
  return sent.length === 0 ? undefined : sent;
}

function tokenType(word: string | undefined, mount: ConfiguredMount): MountTokenType | undefined {
  if (word === undefined || word === '') return undefined;
  if (mount.kind !== 'auth') {
    throw new CofferError('invalid_request', "'token_type' can only be modified on auth mounts");
  }
  if (mount.makesAnyToken === true) {
    throw new CofferError('invalid_request', "'token_type' cannot be set for 'token' auth mounts");
  }
  const known = mountTokenTypes.find((type) => type === (word === 'default' ? 'default-service' : word));
  if (known !== undefined) return known;
  throw new CofferError('invalid_request', `token_type is one of ${mountTokenTypes.join(', ')}`);
}

function lockout(
  sent: JsonObject | undefined,
  { type, locksNames }: ConfiguredMount,
  before: MountConfig,
): MountConfig['lockout'] {
  if (sent === undefined) return before.lockout;
  if (locksNames) return parseLockout(sent, before.lockout);
  throw new CofferError(
    'invalid_request',
    `tuning of user lockout configuration is not allowed for "${type}": it locks no names`,
  );
}

/** 0 is the system's. */
function seconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === '' || text === 'system') return 0;
  const { values } = coerceFields({ [name]: { type: 'duration', help: '' } }, { [name]: text });
  return Number(values[name]);
}
