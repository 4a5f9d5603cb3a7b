/** Who asks: from the token as read in this request to a caller, or one uniform refusal with a reason for the audit log. */
import type { MountTable } from '../mount/table.ts';
import { isWithin } from '../network.ts';
import { type ReadToken, tokenProblem } from './reader.ts';

export type Authentication =
  | { readonly kind: 'token'; readonly token: ReadToken }
  /** Nothing was presented. */
  | { readonly kind: 'anonymous' }
  /** Why is for the audit log: the caller is told the same in every case. */
  | { readonly kind: 'refused'; readonly reason: string };

export function authenticate(
  presented: boolean,
  token: ReadToken | undefined,
  mounts: MountTable,
  remoteAddress: string,
  now: number,
): Authentication {
  if (!presented) return { kind: 'anonymous' };
  if (token === undefined) return { kind: 'refused', reason: 'unknown token' };
  const problem = tokenProblem(token, now, (uuid) => mounts.byUuid(uuid) !== undefined);
  if (problem !== undefined) return { kind: 'refused', reason: `token ${problem}` };
  const { boundCidrs } = token.record;
  if (boundCidrs.length > 0 && !isWithin(remoteAddress, boundCidrs)) {
    return { kind: 'refused', reason: 'address outside of the token’s' };
  }
  return { kind: 'token', token };
}
