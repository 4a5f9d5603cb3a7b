/** The App-ID workflow's user id: SHA-1, in hexadecimal, of a MAC address as text, so that two parties who never speak get the same. */
import { createHash } from 'node:crypto';
import type { networkInterfaces } from 'node:os';
import { CofferError } from '../errors.ts';

export type Interfaces = ReturnType<typeof networkInterfaces>;

/** An interface by its name, and its address in the form that is digested. */
export interface HardwareAddress {
  readonly name: string;
  readonly mac: string;
}

/** SHA-1 of `11:ff:30:d6:ba:5f`: lower case, colons, no line end (what Linux shows in `/sys/class/net/…/address`). */
export function userIdOf(mac: string): string {
  return createHash('sha1').update(mac).digest('hex');
}

/** Any usual spelling of a MAC address, in the form that is digested. Throws `usage`. */
export function parseMac(text: string): string {
  const digits = text.trim().toLowerCase().replaceAll(/[:.-]/g, '');
  const spelled =
    /^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$|^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$|^[0-9a-f]{12}$/;
  if (!spelled.test(text.trim().toLowerCase())) {
    throw new CofferError('usage', '--mac must be a MAC address such as 11:ff:30:d6:ba:5f');
  }
  return digits.match(/../g)?.join(':') ?? '';
}

/**
 * The address of the interface `name`, or of the only one there is. Loopback, interfaces that are down and ones without a hardware
 * address do not count; several names of one address count as one. Throws `not_found` and `usage`, with the names to choose from.
 */
export function hardwareAddress(interfaces: Interfaces, name: string | undefined): HardwareAddress {
  const all = Object.entries(interfaces).flatMap(([each, addresses]): HardwareAddress[] => {
    const mac = addresses?.find((address) => !address.internal && !/^[0:]*$/.test(address.mac))?.mac;
    return mac === undefined ? [] : [{ name: each, mac: mac.toLowerCase() }];
  });
  const names = all.map((each) => each.name).join(', ');
  if (name !== undefined) {
    const found = all.find((each) => each.name === name);
    if (found !== undefined) return found;
    const there = names === '' ? 'there is none that has one' : `there is: ${names}`;
    const problem = Object.hasOwn(interfaces, name)
      ? `the interface ${name} has no MAC address`
      : `no interface ${name} is up`;
    throw new CofferError('not_found', `${problem}; ${there}`);
  }
  const [first] = all;
  if (first === undefined) {
    throw new CofferError('not_found', 'no interface that is up has a MAC address; give one with --mac');
  }
  if (all.some(({ mac }) => mac !== first.mac)) {
    throw new CofferError(
      'usage',
      `several interfaces have a MAC address; choose with --interface: ${names}`,
    );
  }
  return first;
}
