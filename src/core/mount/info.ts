/** A mount as the wire shows it. Typed clients decode this into structs: numbers are numbers, absent options are null. */
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
      ...(entry.kind === 'auth' ? { token_type: 'default-service' } : {}),
    },
  };
}

/** Effective TTLs, in seconds. */
export function tuneInfo(entry: MountEntry): AnswerData {
  return {
    default_lease_ttl: defaultTtl(entry),
    max_lease_ttl: maxTtl(entry),
    force_no_cache: false,
    description: entry.description,
    ...(entry.options === null ? {} : { options: entry.options }),
    ...(entry.config.listingVisibility === '' ? {} : { listing_visibility: entry.config.listingVisibility }),
    ...(entry.kind === 'auth' ? { token_type: 'default-service' } : {}),
  };
}
