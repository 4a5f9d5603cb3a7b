/**
 * Cert's login: a role that knows the certificate of this connection makes a token. Whatever is wrong with a certificate, and
 * where there is none, the answer is the same.
 */
import { type Call, type Endpoint, endpoint, type Principal } from '../../core/endpoint.ts';
import { isWithin } from '../../core/network.ts';
import type { ClientCertificate } from '../../core/request.ts';
import type { View } from '../../core/view.ts';
import type { ParsedCertificate } from '../../crypto/x509/certificate.ts';
import type { RenewalCaller } from '../../engine/engine.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { canonicalRoleName } from '../role-records.ts';
import { wantedTokenType } from '../token-fields.ts';
import { parseBundle } from './certificates.ts';
import { readConfig } from './config.ts';
import { extensionMetadata, fulfils } from './constraints.ts';
import { decimal, isRevoked } from './revocation.ts';
import { authorityFolder, decodeRole, pinFolder, type ReadRole, readRole, rolePath } from './role.ts';

export function loginEndpoint(): Endpoint {
  return endpoint({
    pattern: 'login',
    help: 'Trades the certificate that the client showed over TLS for a token.',
    fields: { name: { type: 'string', help: 'The role to log in to; any that fits when absent.' } },
    operations: {
      update: {
        summary: 'Log in',
        login: true,
        clientCertificate: true,
        handle: async (call) => ({ login: await logIn(call, call.fields.name ?? '') }),
      },
    },
  });
}

/** What a client showed: its own certificate, and what it sent along. */
interface Shown {
  readonly leaf: ParsedCertificate;
  readonly sent: readonly ParsedCertificate[];
}

async function logIn(call: Call, name: string): Promise<Principal> {
  const shown = await readShown(call.clientCertificate);
  if (shown === undefined) throw refused();
  for await (const read of candidates(call.view, shown, name)) {
    const { boundCidrs } = read.role.token;
    if (boundCidrs.length > 0 && !isWithin(call.remoteAddress, boundCidrs)) continue;
    if (!(await isTaken(call.view, read, shown, call.clock.now()))) continue;
    const principal = principalOf(read, shown.leaf);
    const { aliasMetadata } = await readConfig(call.view);
    return aliasMetadata ? { ...principal, aliasMetadata: principal.metadata } : principal;
  }
  throw refused();
}

function refused(): CofferError {
  return new CofferError('invalid_request', 'invalid certificate or no client certificate supplied');
}

/** Undefined without a certificate, and for one that cannot be read. What was sent along and cannot be read counts as not sent. */
async function readShown(clientCertificate: ClientCertificate | undefined): Promise<Shown | undefined> {
  const [own, ...along] = clientCertificate?.() ?? [];
  if (own === undefined) return undefined;
  const { parseCertificate } = await import('../../crypto/x509/certificate.ts');
  const read = (der: Buffer) => {
    try {
      return parseCertificate(der);
    } catch (error) {
      if (asCofferError(error).code === 'invalid_request') return undefined;
      throw error;
    }
  };
  const leaf = read(own);
  return leaf && { leaf, sent: along.map(read).filter((one) => one !== undefined) };
}

/** Roles of one authority, or of one certificate, that a login without a role's name looks at. */
const mostRoles = 100;

/** Roles that could take what was shown: those with this very certificate first, each kind in order of names. */
async function* candidates(view: View, { leaf, sent }: Shown, name: string): AsyncGenerator<ReadRole> {
  if (name !== '') {
    const canonical = canonicalRoleName(name);
    const read = canonical === undefined ? undefined : await readRole(view, canonical);
    if (read !== undefined) yield read;
    return;
  }
  const authorities = [leaf.subject, leaf.issuer, ...sent.map(({ issuer }) => issuer)].map(authorityFolder);
  const seen = new Set<string>();
  for (const folder of new Set([pinFolder(leaf), ...authorities])) {
    const { items, next } = await view.children(folder, { limit: mostRoles });
    for (const sealed of await view.readMany(items.filter((item) => !seen.has(item)).map(rolePath))) {
      const read = decodeRole(sealed);
      if (read !== undefined) yield read;
    }
    for (const item of items) seen.add(item);
    if (next !== undefined) {
      throw new CofferError(
        'invalid_request',
        `more than ${mostRoles} roles could match: log in with a name`,
      );
    }
  }
}

/** Whether a role takes this certificate now: a chain to one of its own, nothing of it revoked, and all said that it wants. */
async function isTaken(view: View, { role }: ReadRole, shown: Shown, now: number): Promise<boolean> {
  if (!fulfils(shown.leaf, role.constraints)) return false;
  const { chainsOf } = await import('../../crypto/x509/chain.ts');
  const anchors = await parseBundle(role.certificate);
  for (const chain of chainsOf({ ...shown, anchors, now })) {
    const revoked = await Promise.all(chain.map((one) => isRevoked(view, one)));
    if (!revoked.includes(true)) return true;
  }
  return false;
}

function principalOf({ role, revision }: ReadRole, leaf: ParsedCertificate): Principal {
  const { token } = role;
  const { commonName } = leaf.names;
  return {
    displayName: role.displayName === '' ? role.name : role.displayName,
    alias: commonName ?? `sha256:${leaf.fingerprint}`,
    policies: token.policies,
    metadata: {
      ...extensionMetadata(leaf, role.constraints),
      cert_name: role.name,
      common_name: commonName ?? '',
      serial_number: decimal(leaf.serial),
      subject_key_id: withColons(leaf.subjectKeyId),
      authority_key_id: withColons(leaf.authorityKeyId),
    },
    ttl: token.ttl,
    maxTtl: token.maxTtl,
    explicitMaxTtl: token.explicitMaxTtl,
    period: token.period,
    numUses: token.numUses,
    noDefaultPolicy: token.noDefaultPolicy,
    renewable: true,
    tokenType: wantedTokenType(token),
    boundCidrs: token.boundCidrs,
    internal: { role: role.name, id: role.id, policies: token.policies, certificate: leaf.fingerprint },
    // A role that is changed or deleted meanwhile is looked at again.
    expectations: [{ path: rolePath(role.name), revision }],
  };
}

function withColons(hex: string | undefined): string {
  return (hex ?? '').replace(/..(?=.)/g, '$&:');
}

/**
 * Renewal asks whether the role is still there with the same policies. Unless the mount is configured otherwise, it also asks for
 * the certificate that the token was made with, which must still be good.
 */
export async function renewRole(
  internal: JsonObject,
  view: View,
  { clientCertificate }: RenewalCaller,
  now: number,
): Promise<{ readonly ttl?: number; readonly maxTtl?: number }> {
  const read = await readRole(view, String(internal['role']));
  if (read === undefined || read.role.id !== internal['id']) {
    throw new CofferError('invalid_request', 'the role of this token does not exist any more');
  }
  const { policies, ttl, maxTtl } = read.role.token;
  if (JSON.stringify(policies) !== JSON.stringify(internal['policies'])) {
    throw new CofferError('invalid_request', 'policies have changed, not renewing');
  }
  if (!(await readConfig(view)).disableBinding) {
    const shown = await readShown(clientCertificate);
    const same = shown !== undefined && shown.leaf.fingerprint === internal['certificate'];
    if (!same || !(await isTaken(view, read, shown, now))) {
      throw new CofferError(
        'invalid_request',
        'the token is bound to the client certificate that it was made with: renew it over TLS with that certificate',
      );
    }
  }
  return { ...(ttl > 0 ? { ttl } : {}), ...(maxTtl > 0 ? { maxTtl } : {}) };
}
