/** Token roles: what tokens made by a role are like, whoever makes them. */
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { Fields, FieldValues } from '../endpoint.ts';
import { parseNetwork } from '../network.ts';
import { parseAssignablePolicies } from '../policy/assignable.ts';
import { parsePolicyName } from '../policy/name.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import type { View } from '../view.ts';

export const roleTokenTypes = ['default-service', 'default-batch', 'service', 'batch'] as const;
export type RoleTokenType = (typeof roleTokenTypes)[number];

export interface TokenRole {
  readonly name: string;
  readonly allowedPolicies: readonly string[];
  readonly allowedPoliciesGlob: readonly string[];
  readonly disallowedPolicies: readonly string[];
  readonly disallowedPoliciesGlob: readonly string[];
  /** Names, or globs with `*` at an end, in lower case. */
  readonly allowedEntityAliases: readonly string[];
  readonly orphan: boolean;
  readonly renewable: boolean;
  readonly pathSuffix: string;
  readonly boundCidrs: readonly string[];
  /** Seconds; 0 none. */
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly numUses: number;
  readonly noDefaultPolicy: boolean;
  readonly tokenType: RoleTokenType;
  /** Older names by which fields were set last: they show the value too. */
  readonly oldNames: readonly string[];
}

const mostNames = 1_000;
const longestAlias = 512;

export const roleFields = {
  allowed_policies: { type: 'list', help: 'Policies that may be asked for; all of them when none is.' },
  disallowed_policies: { type: 'list', help: 'Policies that no token gets, whoever asks.' },
  allowed_policies_glob: { type: 'list', help: 'The same as allowed_policies, with "*" at the ends.' },
  disallowed_policies_glob: { type: 'list', help: 'The same as disallowed_policies, with "*" at the ends.' },
  allowed_entity_aliases: { type: 'list', help: 'Values of entity_alias that may be asked for.' },
  orphan: { type: 'bool', help: 'Whether tokens outlive the token that makes them.' },
  renewable: { type: 'bool', help: 'Whether tokens may be renewed; true when absent.' },
  path_suffix: { type: 'string', help: 'Added to the path that tokens show, to tell them apart.' },
  token_bound_cidrs: {
    type: 'list',
    help: 'Networks tokens may be used from; their maker’s when empty.',
    aliases: ['bound_cidrs'],
  },
  token_explicit_max_ttl: {
    type: 'duration',
    help: 'Longest life, also of periodic tokens; a renewal goes by what is set then.',
    aliases: ['explicit_max_ttl'],
  },
  token_period: {
    type: 'duration',
    help: 'Life granted at each renewal, without end; a renewal goes by what is set then.',
    aliases: ['period'],
  },
  token_num_uses: { type: 'int', help: 'Requests a token is good for; 0 is any number.' },
  token_no_default_policy: { type: 'bool', help: 'Leave the policy "default" out.' },
  token_type: { type: 'string', help: 'service, batch, default-service or default-batch.' },
} as const satisfies Fields;

const oldNamed = {
  bound_cidrs: 'token_bound_cidrs',
  explicit_max_ttl: 'token_explicit_max_ttl',
  period: 'token_period',
} as const;

/** Folded to lower case once, then only validated. Throws `invalid_request`. */
export function parseTokenRoleName(text: string): string {
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (!/^[a-z0-9][a-z0-9._@-]{0,127}$/.test(name)) {
    throw new CofferError(
      'invalid_request',
      'a token role’s name begins with a letter a–z or a digit, and letters, digits, ".", "_", "@" and "-" follow, 128 in all',
    );
  }
  return name;
}

export const tokenRoleFolder = 'role/';

export function tokenRolePath(name: string): string {
  return tokenRoleFolder + name;
}

export async function readTokenRole(
  view: View,
  name: string,
): Promise<{ readonly role: TokenRole; readonly revision: Revision } | undefined> {
  const record = await view.read(tokenRolePath(name));
  return record && { role: decodeStored<TokenRole>(record.open()), revision: record.revision };
}

export function encodeTokenRole(role: TokenRole): Buffer {
  return encodeStored(role);
}

function newRole(name: string): TokenRole {
  return {
    name,
    allowedPolicies: [],
    allowedPoliciesGlob: [],
    disallowedPolicies: [],
    disallowedPoliciesGlob: [],
    allowedEntityAliases: [],
    orphan: false,
    renewable: true,
    pathSuffix: '',
    boundCidrs: [],
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    noDefaultPolicy: false,
    tokenType: 'default-service',
    oldNames: [],
  };
}

/** The role with what was sent put over it. `names` are the fields' names as sent. Throws `invalid_request`. */
export function changedRole(
  name: string,
  before: TokenRole = newRole(name),
  sent: FieldValues<typeof roleFields>,
  names: readonly string[],
): TokenRole {
  const role: TokenRole = {
    name,
    // Also a token made by root must not get `root` by a role: it would be one word in a list that nobody looks at again.
    allowedPolicies: changed(sent.allowed_policies, before.allowedPolicies, (list) =>
      parseAssignablePolicies(list, { root: false }),
    ),
    allowedPoliciesGlob: changed(sent.allowed_policies_glob, before.allowedPoliciesGlob, parseGlobs),
    disallowedPolicies: changed(sent.disallowed_policies, before.disallowedPolicies, (list) =>
      sorted(list.map(parsePolicyName)),
    ),
    disallowedPoliciesGlob: changed(sent.disallowed_policies_glob, before.disallowedPoliciesGlob, parseGlobs),
    allowedEntityAliases: changed(sent.allowed_entity_aliases, before.allowedEntityAliases, parseAliases),
    orphan: sent.orphan ?? before.orphan,
    renewable: sent.renewable ?? before.renewable,
    pathSuffix: sent.path_suffix ?? before.pathSuffix,
    boundCidrs: changed(sent.token_bound_cidrs, before.boundCidrs, (list) => list.map(parseNetwork)),
    explicitMaxTtl: sent.token_explicit_max_ttl ?? before.explicitMaxTtl,
    period: sent.token_period ?? before.period,
    numUses: sent.token_num_uses ?? before.numUses,
    noDefaultPolicy: sent.token_no_default_policy ?? before.noDefaultPolicy,
    tokenType: sent.token_type === undefined ? before.tokenType : parseRoleTokenType(sent.token_type),
    oldNames: Object.entries(oldNamed)
      .filter(([old, now]) => !names.includes(now) && (names.includes(old) || before.oldNames.includes(old)))
      .map(([old]) => old),
  };
  checkRole(role);
  return role;
}

function changed(
  sent: readonly string[] | undefined,
  before: readonly string[],
  parse: (list: readonly string[]) => readonly string[],
): readonly string[] {
  if (sent === undefined) return before;
  if (sent.length > mostNames)
    throw new CofferError('invalid_request', `a list has ${mostNames} entries at most`);
  return parse(sent);
}

function sorted(list: readonly string[]): readonly string[] {
  return [...new Set(list)].toSorted();
}

/** A policy's name with `*` at its ends, or any: elsewhere a `*` would match nothing, since no name has one. */
function parseGlobs(list: readonly string[]): readonly string[] {
  const globs = list.map((text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
  if (!globs.every((glob) => /^\*?[a-z0-9._/-]{0,128}\*?$/.test(glob) && glob !== '')) {
    throw new CofferError(
      'invalid_request',
      'a glob of policies has letters, digits, ".", "_", "/" and "-", and "*" at its beginning, its end or both',
    );
  }
  return sorted(globs);
}

function parseAliases(list: readonly string[]): readonly string[] {
  if (list.some((alias) => alias === '' || alias.length > longestAlias)) {
    throw new CofferError('invalid_request', `an entity alias has 1 to ${longestAlias} characters`);
  }
  return sorted(list.map((alias) => alias.toLowerCase()));
}

function parseRoleTokenType(text: string): RoleTokenType {
  const type = roleTokenTypes.find((one) => one === text);
  if (type !== undefined) return type;
  throw new CofferError('invalid_request', `token_type is one of ${roleTokenTypes.join(', ')}`);
}

function checkRole(role: TokenRole): void {
  if (role.pathSuffix !== '' && !/^\w([\w.-]{0,126}\w)?$/.test(role.pathSuffix)) {
    throw new CofferError(
      'invalid_request',
      'path_suffix has 1 to 128 letters, digits, "_", "." and "-", and begins and ends with a letter, a digit or "_"',
    );
  }
  if (role.numUses < 0) throw new CofferError('invalid_request', 'token_num_uses cannot be negative');
  const problem = batchProblem(role);
  if (problem === undefined) return;
  throw new CofferError('invalid_request', `'token_type' cannot be '${role.tokenType}' when ${problem}`);
}

/** Why a role's tokens cannot be batch tokens, if it makes such. */
function batchProblem(role: TokenRole): string | undefined {
  const { tokenType } = role;
  if (tokenType !== 'batch' && tokenType !== 'default-batch') return undefined;
  if (role.period > 0) return 'role is set to generate periodic tokens';
  if (role.numUses > 0) return 'role is set to generate tokens with limited use count';
  if (tokenType === 'default-batch') return undefined;
  if (!role.orphan) return 'role is set to generate non-orphan tokens';
  if (role.renewable) return 'role is set to generate renewable tokens';
  return role.explicitMaxTtl > 0 ? 'role is set to generate tokens with an explicit max TTL' : undefined;
}
