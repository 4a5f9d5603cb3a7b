/** A mount as the wire shows it. Typed clients decode this into structs: numbers are numbers, absent options are null. */
import type { ResponseSchema } from '../endpoint.ts';
import type { AnswerData } from '../request.ts';
import { defaultTtl, type MountEntry, maxTtl } from './entry.ts';

export function mountInfo(entry: MountEntry): AnswerData {
  return {
    type: entry.type,
    description: entry.description,
    accessor: entry.accessor,
    uuid: entry.uuid,
    local: false,
    seal_wrap: false,
    external_entropy_access: false,
    options: entry.options,
    plugin_version: '',
    running_plugin_version: '',
    running_sha256: '',
    deprecation_status: 'supported',
    config: {
      default_lease_ttl: entry.config.defaultLeaseTtl,
      max_lease_ttl: entry.config.maxLeaseTtl,
      force_no_cache: false,
      ...(entry.config.listingVisibility === ''
        ? {}
        : { listing_visibility: entry.config.listingVisibility }),
      ...(entry.kind === 'auth' ? { token_type: entry.config.tokenType ?? 'default-service' } : {}),
    },
  };
}

const settings = {
  listing_visibility: { type: 'string', optional: true },
  token_type: { type: 'string', optional: true },
  '*': { type: 'any' },
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
    },
  },
} as const satisfies ResponseSchema;

export const tuneSchema = {
  default_lease_ttl: { type: 'duration' },
  max_lease_ttl: { type: 'duration' },
  force_no_cache: { type: 'bool' },
  description: { type: 'string' },
  options: { type: 'pairs', optional: true },
  ...settings,
} as const satisfies ResponseSchema;

/** Effective TTLs, in seconds. */
export function tuneInfo(entry: MountEntry): AnswerData {
  return {
    default_lease_ttl: defaultTtl(entry),
    max_lease_ttl: maxTtl(entry),
    force_no_cache: false,
    description: entry.description,
    ...(entry.options === null ? {} : { options: entry.options }),
    ...(entry.config.listingVisibility === '' ? {} : { listing_visibility: entry.config.listingVisibility }),
    ...(entry.kind === 'auth' ? { token_type: entry.config.tokenType ?? 'default-service' } : {}),
  };
}
