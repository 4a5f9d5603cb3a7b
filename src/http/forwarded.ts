/** Whom a request is from when proxies stand between: `X-Forwarded-For`, believed of those that are trusted and of nobody else. */
import { BlockList, isIP } from 'node:net';
import { CofferError } from '../errors.ts';

export interface TrustedProxies {
  has(address: string): boolean;
  /**
   * The address of the client. Each proxy appends whom it heard from, so the list is read from its end: the first address that is
   * no trusted proxy's is the client's, and what stands before it is hearsay. Without the header the proxy speaks for itself. Throws
   * `invalid_request` for a list that cannot be read so far: a wrong address would go into the audit log and pass bound networks.
   *
   * @param peer the address at the other end of the connection
   */
  clientOf(peer: string, header: string | readonly string[] | undefined): string;
}

/** @param networks CIDR, or single addresses; checked by the configuration already */
export function trustProxies(networks: readonly string[]): TrustedProxies {
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    const version = isIP(base);
    if (version !== 4 && version !== 6) continue;
    const most = version === 4 ? 32 : 128;
    lists[version].addSubnet(base, bits === undefined ? most : Number(bits), version === 4 ? 'ipv4' : 'ipv6');
  }
  const has = (address: string) => {
    const version = isIP(address);
    // One list for both would find every IPv4 address in `::/0`.
    return version === 4 ? lists[4].check(address, 'ipv4') : version === 6 && lists[6].check(address, 'ipv6');
  };
  return {
    has,
    clientOf(peer, header) {
      if (networks.length === 0 || header === undefined || !has(peer)) return peer;
      let client = peer;
      for (const entry of String(header).split(',').toReversed()) {
        client = parseHop(entry.trim());
        if (!has(client)) break;
      }
      return client;
    },
  };
}

/** An address, possibly with a port as some proxies write it. IPv4 addresses always in their own form. */
function parseHop(text: string): string {
  const [, bracketed, dotted] =
    /^(?:\[([0-9A-Fa-f:.]{2,45})\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5})$/.exec(text) ?? [];
  const address = bracketed ?? dotted ?? text;
  if (isIP(address) === 0 || address.includes('%')) {
    throw new CofferError('invalid_request', 'X-Forwarded-For holds something other than addresses');
  }
  const lower = address.toLowerCase();
  return lower.startsWith('::ffff:') && lower.includes('.') ? lower.slice('::ffff:'.length) : lower;
}
