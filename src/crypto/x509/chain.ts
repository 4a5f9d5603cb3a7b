/** From a client's certificate to one that is trusted (RFC 5280 §6.1, as far as certificates of clients need it). */
import { anyExtendedKeyUsage, id_kp_clientAuth } from '@peculiar/asn1-x509';
import type { ParsedCertificate } from './certificate.ts';
import { isStrongKey, isStrongSignature } from './signature.ts';

export interface ChainSearch {
  readonly leaf: ParsedCertificate;
  /** What the client sent along, in any order: none of it is trusted. */
  readonly sent: readonly ParsedCertificate[];
  readonly anchors: readonly ParsedCertificate[];
  /** Milliseconds. */
  readonly now: number;
}

/** Certificates of one chain, the leaf and the anchor included. */
const longestChain = 8;
/** Signatures checked for one search: names can be chosen so that everything seems to have issued everything. */
const mostSignatures = 32;

/**
 * Every chain from the leaf to an anchor in which everything may be what it is used as, leaf first. A leaf that is an anchor is a
 * chain by itself.
 */
export function* chainsOf(search: ChainSearch): Generator<readonly ParsedCertificate[]> {
  if (!mayBeClient(search.leaf, search.now)) return;
  if (search.anchors.some((anchor) => isSame(anchor, search.leaf))) yield [search.leaf];
  // Whoever may issue certificates shows one of those, and keeps its own key at home.
  if (search.leaf.isAuthority) return;
  yield* issued([search.leaf], search, { left: mostSignatures });
}

function* issued(
  chain: readonly ParsedCertificate[],
  search: ChainSearch,
  signatures: { left: number },
): Generator<readonly ParsedCertificate[]> {
  const last = chain.at(-1);
  if (last === undefined || chain.length >= longestChain) return;
  const { anchors, sent, now } = search;
  for (const [candidates, ends] of [
    [anchors, true],
    [sent, false],
  ] as const) {
    for (const issuer of candidates) {
      if (!last.issuer.equals(issuer.subject) || chain.some((one) => isSame(one, issuer))) continue;
      if (!mayIssue(issuer, chain, now)) continue;
      if (signatures.left-- <= 0) return;
      if (!isSignedBy(last, issuer)) continue;
      const longer = [...chain, issuer];
      if (ends) yield longer;
      else yield* issued(longer, search, signatures);
    }
  }
}

export function isSame(one: ParsedCertificate, other: ParsedCertificate): boolean {
  return one.der.equals(other.der);
}

/** Whether a certificate can be that of a client at this time: for itself, without regard to who issued it. */
export function mayBeClient(certificate: ParsedCertificate, now: number): boolean {
  return (
    isSound(certificate, now) &&
    // What it is shown with is a signature (RFC 8446 §4.4.2.2).
    (certificate.keyUsage?.includes('digitalSignature') ?? true)
  );
}

function mayIssue(issuer: ParsedCertificate, below: readonly ParsedCertificate[], now: number): boolean {
  const between = below.slice(1).filter(({ subject, issuer: by }) => !subject.equals(by)).length;
  return (
    isSound(issuer, now) &&
    issuer.isAuthority &&
    (issuer.keyUsage?.includes('keyCertSign') ?? true) &&
    (issuer.pathLength === undefined || between <= issuer.pathLength)
  );
}

/** In time, with a key that is strong enough, for clients, and without a demand that would go unchecked. */
function isSound(certificate: ParsedCertificate, now: number): boolean {
  const { notBefore, notAfter, purposes, publicKey } = certificate;
  return (
    notBefore <= now &&
    now <= notAfter &&
    isStrongKey(publicKey) &&
    (purposes === undefined ||
      purposes.includes(id_kp_clientAuth) ||
      purposes.includes(anyExtendedKeyUsage)) &&
    uncheckedDemand(certificate) === undefined
  );
}

const nameConstraints = '2.5.29.30';
/** Basic constraints, key usage, extended key usage; alternative names; policies, of which none is demanded. */
const checked: ReadonlySet<string> = new Set([
  '2.5.29.19',
  '2.5.29.15',
  '2.5.29.37',
  '2.5.29.17',
  '2.5.29.32',
]);

/**
 * The object identifier of an extension that says something which is not checked here, so that the certificate cannot be used
 * (RFC 5280 §4.2); undefined if there is none. Name constraints count also where they are not marked critical, as they must be.
 */
export function uncheckedDemand({ extensions }: ParsedCertificate): string | undefined {
  for (const [id, { critical }] of extensions) {
    if (id === nameConstraints || (critical && !checked.has(id))) return id;
  }
  return undefined;
}

function isSignedBy({ x509, signature }: ParsedCertificate, issuer: ParsedCertificate): boolean {
  if (!isStrongSignature(signature.algorithm, signature.parameters)) return false;
  try {
    return x509.verify(issuer.publicKey);
  } catch {
    return false;
  }
}
