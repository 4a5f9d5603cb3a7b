/** Networks that logins and tokens are bound to. */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { CofferError } from '../errors.ts';

/** A network such as `10.1.0.0/16`, or one address. Throws `invalid_request`. */
export function parseNetwork(text: string): string {
  const match = /^([0-9a-fA-F:.]{2,45})(?:\/(\d{1,3}))?$/.exec(text);
  const [, base = '', bits] = match ?? [];
  const most = isIPv6(base) ? 128 : isIPv4(base) ? 32 : -1;
  if (match === null || most < 0 || (bits !== undefined && Number(bits) > most)) {
    throw new CofferError('invalid_request', `"${text.slice(0, 60)}" is not a network such as 10.1.0.0/16`);
  }
  return text;
}

/** Whether an address lies in one of these networks (`10.0.0.0/8`, or a single address). What cannot be read matches nothing. */
export function isWithin(address: string, networks: readonly string[]): boolean {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  // What is no address (a socket without one) lies in no network; `check` would throw.
  const version = isIP(plain);
  if (version === 0) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    // A list with both would find every IPv4 address in `::/0`, by way of the mapped ones.
    if (isIP(base) !== version) continue;
    try {
      list.addSubnet(base, bits === undefined ? (version === 6 ? 128 : 32) : Number(bits), family);
    } catch {
      // An unreadable network opens nothing.
    }
  }
  return list.check(plain, family);
}

/** Whether all of a network lies in one of these. */
export function isNetworkWithin(network: string, networks: readonly string[]): boolean {
  const [base = '', bits] = network.split('/');
  const version = isIP(base);
  const length = (text: string | undefined) => Number(text ?? (version === 6 ? 128 : 32));
  return networks.some((outer) => {
    const [outerBase = '', outerBits] = outer.split('/');
    return isIP(outerBase) === version && length(bits) >= length(outerBits) && isWithin(base, [outer]);
  });
}
