/** Where an attempt comes from, as far as counting goes. */
import { isIP } from 'node:net';

/**
 * One text for all addresses that one party has at will: an IPv4 address as it is (also when it is mapped into IPv6), and of an
 * IPv6 address the first 64 bits, since whoever has one address of a subnet has them all (RFC 4291 §2.5.4). What is no address
 * counts as itself.
 */
export function originOf(address: string): string {
  const [plain = ''] = address.toLowerCase().split('%');
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  return isIP(plain) === 6 ? `${firstGroups(plain).join(':')}::/64` : plain.slice(0, 60);
}

/** The first four groups, without leading zeros. A dotted tail stands behind them, whatever its form. */
function firstGroups(address: string): readonly string[] {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before.slice(0, 4).map(plainGroup);
  const after = tail === '' ? [] : tail.split(':');
  const groups = after.length + (tail.includes('.') ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - groups) }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).map(plainGroup);
}

function plainGroup(group: string): string {
  return group.replace(/^0+(?=.)/, '');
}
