/** What callers want of entities and groups, checked. */
import { CofferError } from '../../errors.ts';
import type { Fields } from '../endpoint.ts';
import { parseAssignablePolicies } from '../policy/assignable.ts';
import { identityLimits } from './record.ts';

type Pairs = Readonly<Record<string, string>>;

/** Fields that entities and groups share. */
export const commonFields = {
  name: { type: 'string', help: 'Name, unique; a random one when absent.' },
  metadata: { type: 'pairs', help: 'Texts kept with it; replaces all that was there.' },
  policies: { type: 'list', help: 'Policies granted besides those of the token; never root.' },
} as const satisfies Fields;

/** Throws `invalid_request`; `root` is not to be had this way. */
export function wantedPolicies(names: readonly string[]): readonly string[] {
  const policies = parseAssignablePolicies(
    names.filter((name) => name !== ''),
    { root: false },
  );
  if (policies.length > identityLimits.policies) {
    throw new CofferError('invalid_request', `at most ${identityLimits.policies} policies can be granted`);
  }
  return policies;
}

/** Throws `invalid_request`. */
export function wantedMetadata(pairs: Pairs): Pairs {
  const { metadataKeys, metadataKeyBytes, metadataValueBytes } = identityLimits;
  const entries = Object.entries(pairs);
  const fits = ([name, value]: readonly [string, string]) =>
    name !== '' &&
    Buffer.byteLength(name) <= metadataKeyBytes &&
    Buffer.byteLength(value) <= metadataValueBytes;
  if (entries.length <= metadataKeys && entries.every(fits)) return pairs;
  throw new CofferError(
    'invalid_request',
    `metadata has at most ${metadataKeys} names of 1 to ${metadataKeyBytes} bytes, with at most ${metadataValueBytes} bytes each`,
  );
}

/** Ids, each once; throws `invalid_request` for more than `most`. */
export function wantedIds(ids: readonly string[], most: number, what: string): readonly string[] {
  const unique = [...new Set(ids.filter((id) => id !== ''))].toSorted();
  if (unique.length <= most) return unique;
  throw new CofferError('invalid_request', `at most ${most} ${what}`);
}
