/** A role of `kubernetes`: which service accounts log in by it. */
import type { Fields, FieldValues } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { matchesAnything } from '../glob.ts';
import { oldTokenFields, type RoleRecord } from '../role-records.ts';
import {
  noTokenSettings,
  readTokenSettings,
  shownTokenSettings,
  usedOldNames,
  withOldNames,
} from '../token-fields.ts';

export type AliasNameSource = 'serviceaccount_uid' | 'serviceaccount_name';

export interface KubernetesRole extends RoleRecord {
  /** Globs. */
  readonly accountNames: readonly string[];
  readonly namespaces: readonly string[];
  /** Empty where any will do that the API server takes. */
  readonly audience: string;
  readonly aliasNameSource: AliasNameSource;
}

export const roleFields = {
  bound_service_account_names: { type: 'list', help: 'Names of service accounts; * stands for any text.' },
  bound_service_account_namespaces: { type: 'list', help: 'Their namespaces; * stands for any text.' },
  bound_service_account_namespace_selector: { type: 'string', help: 'Not offered; must be empty.' },
  audience: { type: 'string', help: 'For whom the token must be.' },
  alias_name_source: {
    type: 'string',
    help: 'What the account is known by: serviceaccount_uid (the default) or serviceaccount_name.',
  },
  ...oldTokenFields,
} as const satisfies Fields;

const mostNames = 500;

export function newRole(name: string, id: string): KubernetesRole {
  return {
    name,
    id,
    accountNames: [],
    namespaces: [],
    audience: '',
    aliasNameSource: 'serviceaccount_uid',
    token: noTokenSettings,
    oldNames: [],
  };
}

/** The role with what was sent put over it; `data` is the same as it was sent. Throws `invalid_request`. */
export function withFields(
  role: KubernetesRole,
  sent: FieldValues<typeof roleFields>,
  data: JsonObject,
): KubernetesRole {
  if ((sent.bound_service_account_namespace_selector ?? '') !== '') {
    throw refused(
      'bound_service_account_namespace_selector is not offered: name the namespaces, with * if need be',
    );
  }
  const changed: KubernetesRole = {
    ...role,
    accountNames: sent.bound_service_account_names ?? role.accountNames,
    namespaces: sent.bound_service_account_namespaces ?? role.namespaces,
    audience: sent.audience ?? role.audience,
    aliasNameSource: parseAliasNameSource(sent.alias_name_source) ?? role.aliasNameSource,
    token: readTokenSettings(sent, role.token),
    oldNames: usedOldNames(roleFields, data, role.oldNames),
  };
  checkPatterns('bound_service_account_names', changed.accountNames);
  checkPatterns('bound_service_account_namespaces', changed.namespaces);
  if (changed.accountNames.some(matchesAnything) && changed.namespaces.some(matchesAnything)) {
    throw refused('bound_service_account_names and bound_service_account_namespaces can not both be "*"');
  }
  return changed;
}

/** Names of service accounts and namespaces are DNS names in lower case, so nothing else could ever match. */
function checkPatterns(field: string, patterns: readonly string[]): void {
  if (patterns.length === 0) throw refused(`"${field}" can not be empty`);
  if (patterns.length > mostNames) throw refused(`"${field}" has at most ${mostNames} names`);
  if (patterns.length > 1 && patterns.some(matchesAnything)) {
    throw refused(`can not mix "*" with values in "${field}"`);
  }
  if (!patterns.every((pattern) => /^[a-z0-9.*-]{1,253}$/.test(pattern))) {
    throw refused(`"${field}" holds names of a–z, 0–9, "-" and ".", and "*"`);
  }
}

function parseAliasNameSource(sent: string | undefined): AliasNameSource | undefined {
  if (sent === undefined || sent === '') return undefined;
  if (sent === 'serviceaccount_uid' || sent === 'serviceaccount_name') return sent;
  throw refused('alias_name_source is "serviceaccount_uid" or "serviceaccount_name"');
}

export function shownRole(role: KubernetesRole): JsonObject {
  const shown = {
    bound_service_account_names: role.accountNames,
    bound_service_account_namespaces: role.namespaces,
    bound_service_account_namespace_selector: '',
    audience: role.audience,
    alias_name_source: role.aliasNameSource,
    ...shownTokenSettings(role.token),
  };
  return withOldNames(roleFields, shown, role.oldNames);
}

function refused(reason: string): CofferError {
  return new CofferError('invalid_request', reason);
}
