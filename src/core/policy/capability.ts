/** Capabilities as bits of one number, so that a decision is one `&`. */
import type { Operation } from '../request.ts';
import type { Capability } from './acl.ts';

declare const capabilitySet: unique symbol;
/** A set of capabilities. With `deny` in it nothing else is. */
export type CapabilitySet = number & { readonly [capabilitySet]: true };

/** In the order in which capabilities are shown. */
const bits = {
  sudo: 1,
  read: 2,
  list: 4,
  update: 8,
  delete: 16,
  create: 32,
  patch: 64,
  scan: 128,
  deny: 256,
} as const satisfies Record<Capability, number>;

export const knownCapabilities = Object.keys(bits) as readonly Capability[];

export const noCapabilities = 0 as CapabilitySet;
export const denyCapabilities = bits.deny as number as CapabilitySet;

export function isCapability(word: string): word is Capability {
  return Object.hasOwn(bits, word);
}

export function capabilitySetOf(capabilities: readonly Capability[]): CapabilitySet {
  return capabilities.reduce<CapabilitySet>(
    (set, one) => union(set, bits[one] as number as CapabilitySet),
    noCapabilities,
  );
}

/** All of both; `deny` on either side leaves only `deny`. */
export function union(one: CapabilitySet, other: CapabilitySet): CapabilitySet {
  const all = one | other;
  return ((all & bits.deny) === 0 ? all : bits.deny) as CapabilitySet;
}

export function has(set: CapabilitySet, capability: Capability): boolean {
  return (set & bits[capability]) !== 0;
}

/** Whether the set grants anything at all. */
export function grants(set: CapabilitySet): boolean {
  return set !== noCapabilities && set !== denyCapabilities;
}

/** In the order of `sys/capabilities`; a set that grants nothing shows as `deny`. */
export function capabilitiesOf(set: CapabilitySet): readonly Capability[] {
  return grants(set) ? knownCapabilities.filter((one) => has(set, one)) : ['deny'];
}

/** The capability an operation needs; undefined for those that no rule can grant. */
const needed = {
  read: 'read',
  list: 'list',
  scan: 'scan',
  create: 'create',
  update: 'update',
  patch: 'patch',
  delete: 'delete',
  help: undefined,
  header: undefined,
} as const satisfies Record<Operation, Capability | undefined>;

export function permits(set: CapabilitySet, operation: Operation): boolean {
  const capability = needed[operation];
  return capability !== undefined && has(set, capability);
}

/** Words of the oldest policies (`policy = "write"`), each standing for several capabilities. */
export const oldWords: ReadonlyMap<string, CapabilitySet> = new Map([
  ['deny', capabilitySetOf(['deny'])],
  ['read', capabilitySetOf(['read', 'list'])],
  ['write', capabilitySetOf(['create', 'read', 'update', 'delete', 'list'])],
  ['sudo', capabilitySetOf(['create', 'read', 'update', 'delete', 'list', 'sudo'])],
]);
