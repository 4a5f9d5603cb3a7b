/** A mount as the wire shows it. Typed clients decode this into structs: numbers are numbers, absent options are null. */
import type { JsonObject } from '../../json.ts';
import type { ResponseSchema } from '../endpoint.ts';
import { shownLockout } from '../lockout/mount-lockout.ts';
import type { AnswerData } from '../request.ts';
import { defaultTtl, type MountEntry, maxTtl } from './entry.ts';

export function mountInfo(entry: MountEntry): AnswerData {
  const { config } = entry;
  return {
    type: entry.type,
    description: entry.description,
    accessor: entry.accessor,
    uuid: entry.uuid,
    local: entry.local === true,
    seal_wrap: entry.sealWrap === true,
    external_entropy_access: false,
    options: entry.options,
    plugin_version: '',
    running_plugin_version: '',
    running_sha256: '',
    deprecation_status: 'supported',
    config: {
      default_lease_ttl: config.defaultLeaseTtl,
      max_lease_ttl: config.maxLeaseTtl,
      force_no_cache: config.forceNoCache === true,
      ...shownSettings(entry),
      ...(config.lockout === undefined ? {} : { user_lockout_config: shownLockout(config.lockout) }),
    },
  };
}

/** What is set, by the name under which it was. */
function shownSettings({ config, kind }: MountEntry): JsonObject {
  const all = {
    listing_visibility: config.listingVisibility || undefined,
    audit_non_hmac_request_keys: config.clearRequestKeys,
    audit_non_hmac_response_keys: config.clearAnswerKeys,
    passthrough_request_headers: config.passthroughRequestHeaders,
    allowed_response_headers: config.allowedResponseHeaders,
    token_type: kind === 'auth' ? (config.tokenType ?? 'default-service') : undefined,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

const settings = {
  listing_visibility: { type: 'string', optional: true },
  audit_non_hmac_request_keys: { type: 'list', optional: true },
  audit_non_hmac_response_keys: { type: 'list', optional: true },
  passthrough_request_headers: { type: 'list', optional: true },
  allowed_response_headers: { type: 'list', optional: true },
  token_type: { type: 'string', optional: true },
} as const satisfies ResponseSchema;

const lockoutSettings = {
  user_lockout_counter_reset_duration: { type: 'duration', optional: true },
  user_lockout_threshold: { type: 'int', optional: true },
  user_lockout_duration: { type: 'duration', optional: true },
  user_lockout_disable: { type: 'bool', optional: true },
} as const satisfies ResponseSchema;

export const mountInfoSchema = {
  type: { type: 'string' },
  description: { type: 'string' },
  accessor: { type: 'string' },
  uuid: { type: 'string' },
  local: { type: 'bool' },
  seal_wrap: { type: 'bool' },
  external_entropy_access: { type: 'bool' },
  options: { type: 'pairs', nullable: true },
  plugin_version: { type: 'string' },
  running_plugin_version: { type: 'string' },
  running_sha256: { type: 'string' },
  deprecation_status: { type: 'string' },
  config: {
    type: 'object',
    members: {
      default_lease_ttl: { type: 'duration' },
      max_lease_ttl: { type: 'duration' },
      force_no_cache: { type: 'bool' },
      ...settings,
      user_lockout_config: { type: 'object', optional: true, members: lockoutSettings },
    },
  },
} as const satisfies ResponseSchema;

export const tuneSchema = {
  default_lease_ttl: { type: 'duration' },
  max_lease_ttl: { type: 'duration' },
  force_no_cache: { type: 'bool' },
  description: { type: 'string' },
  options: { type: 'pairs', optional: true },
  external_entropy_access: { type: 'bool' },
  ...settings,
  ...lockoutSettings,
} as const satisfies ResponseSchema;

/** Effective TTLs, in seconds. */
export function tuneInfo(entry: MountEntry): AnswerData {
  return {
    default_lease_ttl: defaultTtl(entry),
    max_lease_ttl: maxTtl(entry),
    force_no_cache: entry.config.forceNoCache === true,
    external_entropy_access: false,
    description: entry.description,
    ...(entry.options === null ? {} : { options: entry.options }),
    ...shownSettings(entry),
    ...(entry.config.lockout === undefined ? {} : shownLockout(entry.config.lockout)),
  };
}
