/** Who asks: from the token as read in this request to a caller, or one uniform refusal with a reason for the audit log. */
import { BlockList, isIP, isIPv6 } from 'node:net';
import type { MountTable } from './mount/table.ts';
import { type ReadToken, tokenProblem } from './token/reader.ts';

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

/** Whether an address lies in one of these networks (`10.0.0.0/8`, or a single address). What cannot be read matches nothing. */
export function isWithin(address: string, networks: readonly string[]): boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    const family = isIPv6(base) ? 'ipv6' : 'ipv4';
    try {
      list.addSubnet(base, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
    } catch {
      // An unreadable network opens nothing.
    }
  }
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  // What is no address (a socket without one) lies in no network; `check` would throw.
  return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}
