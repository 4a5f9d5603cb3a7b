/**
 * Names to addresses, without those that a server must not be talked into asking: link-local ones, where clouds answer with
 * credentials, and this machine's own unless it was named as such. The connection goes to the very addresses that were checked.
 */
import { lookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { CofferError } from '../errors.ts';

/** Node reads no network fast: the lists are made when the first address is to be judged. */
const never = once(() =>
  blockList([
    // Link-local (RFC 3927, RFC 4291 §2.5.6): metadata services of clouds. Some of them live elsewhere.
    ['169.254.0.0', 16],
    ['fe80::', 10],
    ['fd00:ec2::254', 128],
    ['fd20:ce::254', 128],
    ['100.100.100.200', 32],
    ['168.63.129.16', 32],
    ['192.0.0.192', 32],
    // "This network" and multicast (RFC 1122 §3.2.1.3, RFC 5771, RFC 4291 §2.7).
    ['0.0.0.0', 8],
    ['::', 128],
    ['224.0.0.0', 3],
    ['ff00::', 8],
    // Link-local and loopback IPv4 within IPv6: compatible (RFC 4291 §2.5.5.1), translated (RFC 6052), 6to4 (RFC 3056).
    ['::169.254.0.0', 112],
    ['::127.0.0.0', 104],
    ['64:ff9b::169.254.0.0', 112],
    ['64:ff9b::127.0.0.0', 104],
    ['2002:a9fe::', 32],
    ['2002:7f00::', 24],
  ]),
);
const loopback = once(() =>
  blockList([
    ['127.0.0.0', 8],
    ['::1', 128],
  ]),
);

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function blockList(networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [base, bits] of networks) list.addSubnet(base, bits, isIPv6(base) ? 'ipv6' : 'ipv4');
  return list;
}

/** Names and addresses that stay on this machine: 127/8, ::1, and `localhost` (RFC 6761 §6.3). */
export function isLoopbackName(host: string): boolean {
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '::1' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
  );
}

/**
 * Whether an address is not to be asked. Mapped IPv4 addresses count as what they map. What is called by a name of this machine is on
 * this machine: some resolvers ask others for names below `localhost`.
 */
export function isForbiddenAddress(address: string, isLoopback: boolean): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return never().check(address, family) || loopback().check(address, family) !== isLoopback;
}

/** For `lookup` of a request. A name of which any address is forbidden is not asked at all. */
export function guardedLookup(isLoopback: boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) {
        callback(error ?? unreachable(hostname), []);
      } else if (addresses.some(({ address }) => isForbiddenAddress(address, isLoopback))) {
        callback(unreachable(hostname), []);
      } else if (options.all === true) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

/**
 * The address of a host that may be asked, for clients that look names up by themselves: they are handed this one instead. Throws
 * `unavailable` where there is none.
 */
export function guardedAddress(host: string): Promise<string> {
  const isLoopback = isLoopbackName(host);
  if (isIP(host) !== 0) {
    return isForbiddenAddress(host, isLoopback) ? Promise.reject(unreachable(host)) : Promise.resolve(host);
  }
  return new Promise((resolve, reject) => {
    guardedLookup(isLoopback)(host, { all: false }, (error, address) => {
      if (error === null && typeof address === 'string') resolve(address);
      else reject(error instanceof CofferError ? error : unreachable(host));
    });
  });
}

function unreachable(hostname: string): CofferError {
  return new CofferError('unavailable', `${hostname} has no address that may be asked`);
}
