/** What a role may say, and what of it goes together. Where something is configured it counts, or the role is refused. */
import type { Fields, FieldValues } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { isJsonObject, type JsonValue } from '../../json.ts';
import { parseCallerText } from './caller-text.ts';
import { type CredentialType, credentialTypes, noRole, type Role } from './role.ts';
import { checkNameText } from './session-name.ts';

export const roleFields = {
  credential_type: { type: 'string', help: 'iam_user, assumed_role, federation_token or session_token.' },
  role_arns: {
    type: 'list',
    help: 'For assumed_role: ARNs of the roles that may be asked for; none when absent.',
  },
  policy_arns: {
    type: 'list',
    help: 'Managed policies: of the user, or what a session is narrowed to.',
  },
  policy_document: {
    type: 'any',
    help: 'An IAM policy in JSON: of the user, or what a session is narrowed to.',
  },
  iam_groups: { type: 'list', help: 'For iam_user: groups that the user joins.' },
  iam_tags: { type: 'pairs', help: 'For iam_user: tags of the user.' },
  default_sts_ttl: { type: 'duration', help: 'How long a session lasts unless asked; an hour when absent.' },
  max_sts_ttl: { type: 'duration', help: 'How long it lasts at most.' },
  user_path: { type: 'string', help: 'For iam_user: the user’s path, with / at both ends.' },
  permissions_boundary_arn: { type: 'string', help: 'For iam_user: the policy that bounds its rights.' },
  mfa_serial_number: {
    type: 'string',
    help: 'For session_token: the device whose code a request has to bring.',
    aliases: ['mfa_serial'],
  },
  session_tags: {
    type: 'pairs',
    help: 'For assumed_role and federation_token: tags of the session; values may have {{places}}.',
  },
  transitive_tags: {
    type: 'list',
    help: 'For assumed_role: names of session tags that go on into further roles.',
  },
  external_id: { type: 'string', help: 'For assumed_role: what the roles’ trust policies want to hear.' },
  session_name_template: {
    type: 'string',
    help: 'For assumed_role: the session’s name, such as {{token.metadata.issuer}}.{{token.metadata.account}}.',
  },
  source_identity_template: { type: 'string', help: 'For assumed_role: the session’s source identity.' },
  notify: { type: 'list', help: 'Notifiers that must accept a notice before anything is made.' },
  policy: { type: 'any', help: 'Vault’s first way: a policy document for iam_user and federation_token.' },
  arn: {
    type: 'string',
    help: 'Vault’s first way: of a policy for iam_user, or of a role for assumed_role.',
  },
} as const satisfies Fields;

export type RoleFields = FieldValues<typeof roleFields>;

const arnStart = 'arn:aws[a-z-]{0,20}:iam::';
const roleArn = new RegExp(`^${arnStart}\\d{12}:role/[\\x21-\\x29\\x2b-\\x7e]{1,576}$`);
const policyArn = new RegExp(`^${arnStart}(?:aws|\\d{12}):policy/[\\x21-\\x29\\x2b-\\x7e]{1,640}$`);
const deviceName = /^[\w=/:,.@-]{9,256}$/;
/** What STS and IAM take. */
const mostRoles = 1_000;
const mostPolicyArns = 10;
const mostGroups = 10;
const mostTags = 50;
const mostNotifiers = 16;
const leastTtl = 900;
const longestDocument = 131_072;
const tagName = /^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$/iu;
export const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u;

export interface MergedRole {
  readonly role: Role;
  readonly warnings: readonly string[];
}

/** A role with what was sent; what was not sent stays as it is. Throws `invalid_request` that names every problem. */
export function mergedRole(before: Role | undefined, sent: RoleFields): MergedRole {
  const problems: string[] = [];
  const { role, warnings } = isFirstWay(sent)
    ? firstWay(sent, problems)
    : merged(before ?? noRole, sent, problems);
  problems.push(...problemsOf(role));
  if (problems.length === 0) return { role, warnings: [...warnings, ...warningsOf(role)] };
  throw new CofferError('invalid_request', `error(s) validating supplied role data: ${problems.join('; ')}`);
}

function isFirstWay({ policy, arn }: RoleFields): boolean {
  return (policy !== undefined && policy !== '') || (arn !== undefined && arn !== '');
}

/** Roles of Vault before 0.11: all of a role is said by one field. */
function firstWay(sent: RoleFields, problems: string[]): MergedRole {
  const { policy, arn = '', ...others } = sent;
  if (policy !== undefined && policy !== '' && arn !== '')
    problems.push('only one of policy or arn should be provided');
  if (Object.values(others).some((value) => value !== undefined)) {
    problems.push('policy and arn do not go with other fields');
  }
  const warnings = [
    'policy and arn are Vault’s first way: use credential_type with policy_document, policy_arns or role_arns',
  ];
  const isLegacy = true;
  if (arn === '') {
    const policyDocument = documentOf(policy ?? '', problems);
    return {
      role: { ...noRole, types: ['iam_user', 'federation_token'], isLegacy, policyDocument },
      warnings,
    };
  }
  if (roleArn.test(arn))
    return { role: { ...noRole, types: ['assumed_role'], isLegacy, roleArns: [arn] }, warnings };
  return { role: { ...noRole, types: ['iam_user'], isLegacy, policyArns: [arn] }, warnings };
}

function merged(before: Role, sent: RoleFields, problems: string[]): MergedRole {
  const type = sent.credential_type ?? '';
  const known = credentialTypes.find((each) => each === type);
  if (type !== '' && known === undefined)
    problems.push(`unrecognized credential_type: it is one of ${credentialTypes.join(', ')}`);
  const role: Role = {
    types: known === undefined ? before.types : [known],
    isLegacy: known === undefined && before.isLegacy,
    roleArns: sent.role_arns ?? before.roleArns,
    policyArns: sent.policy_arns ?? before.policyArns,
    policyDocument:
      sent.policy_document === undefined ? before.policyDocument : documentOf(sent.policy_document, problems),
    iamGroups: sent.iam_groups ?? before.iamGroups,
    iamTags: sent.iam_tags ?? before.iamTags,
    defaultTtl: sent.default_sts_ttl ?? before.defaultTtl,
    maxTtl: sent.max_sts_ttl ?? before.maxTtl,
    userPath: sent.user_path ?? before.userPath,
    boundary: sent.permissions_boundary_arn ?? before.boundary,
    mfaSerial: sent.mfa_serial_number ?? before.mfaSerial,
    sessionTags: sent.session_tags ?? before.sessionTags,
    transitiveTags: sent.transitive_tags ?? before.transitiveTags,
    externalId: sent.external_id ?? before.externalId,
    sessionName: sent.session_name_template ?? before.sessionName,
    sourceIdentity: sent.source_identity_template ?? before.sourceIdentity,
    notify: sent.notify ?? before.notify,
  };
  return { role, warnings: [] };
}

/** Compact JSON of a policy; empty for none. */
function documentOf(sent: JsonValue, problems: string[]): string {
  if (sent === '') return '';
  const document = typeof sent === 'string' ? parsedObject(sent) : sent;
  const whole = isJsonObject(document) && document['Statement'] !== undefined;
  const text = whole ? JSON.stringify(document) : '';
  if (!whole) problems.push('policy_document is the JSON of an IAM policy, with Version and Statement');
  if (text.length > longestDocument)
    problems.push(`policy_document has at most ${longestDocument} characters`);
  return text;
}

function parsedObject(text: string): JsonValue {
  try {
    return text.length > 2 * longestDocument ? null : (JSON.parse(text) as JsonValue);
  } catch {
    return null;
  }
}

/** Fields that count for some types only: what is not attached to a credential would be believed to narrow it. */
const fieldsOf: readonly {
  readonly name: string;
  readonly types: readonly CredentialType[];
  readonly isSet: (role: Role) => boolean;
}[] = [
  { name: 'role_arns', types: ['assumed_role'], isSet: ({ roleArns }) => roleArns.length > 0 },
  {
    name: 'policy_arns',
    types: ['iam_user', 'assumed_role', 'federation_token'],
    isSet: ({ policyArns }) => policyArns.length > 0,
  },
  {
    name: 'policy_document',
    types: ['iam_user', 'assumed_role', 'federation_token'],
    isSet: ({ policyDocument }) => policyDocument !== '',
  },
  { name: 'iam_groups', types: ['iam_user'], isSet: ({ iamGroups }) => iamGroups.length > 0 },
  { name: 'iam_tags', types: ['iam_user'], isSet: ({ iamTags }) => hasMembers(iamTags) },
  {
    name: 'default_sts_ttl',
    types: ['assumed_role', 'federation_token', 'session_token'],
    isSet: ({ defaultTtl }) => defaultTtl > 0,
  },
  {
    name: 'max_sts_ttl',
    types: ['assumed_role', 'federation_token', 'session_token'],
    isSet: ({ maxTtl }) => maxTtl > 0,
  },
  { name: 'user_path', types: ['iam_user'], isSet: ({ userPath }) => userPath !== '' },
  { name: 'permissions_boundary_arn', types: ['iam_user'], isSet: ({ boundary }) => boundary !== '' },
  { name: 'mfa_serial_number', types: ['session_token'], isSet: ({ mfaSerial }) => mfaSerial !== '' },
  {
    name: 'session_tags',
    types: ['assumed_role', 'federation_token'],
    isSet: ({ sessionTags }) => hasMembers(sessionTags),
  },
  {
    name: 'transitive_tags',
    types: ['assumed_role'],
    isSet: ({ transitiveTags }) => transitiveTags.length > 0,
  },
  { name: 'external_id', types: ['assumed_role'], isSet: ({ externalId }) => externalId !== '' },
  { name: 'session_name_template', types: ['assumed_role'], isSet: ({ sessionName }) => sessionName !== '' },
  {
    name: 'source_identity_template',
    types: ['assumed_role'],
    isSet: ({ sourceIdentity }) => sourceIdentity !== '',
  },
];

function hasMembers(pairs: Readonly<Record<string, string>>): boolean {
  return Object.keys(pairs).length > 0;
}

function problemsOf(role: Role): readonly string[] {
  const { types } = role;
  if (types.length === 0) return ['did not supply credential_type'];
  const misplaced = fieldsOf
    .filter((field) => field.isSet(role) && !types.some((type) => field.types.includes(type)))
    .map(({ name, types: of }) => `${name} goes with credential_type ${of.join(', ')}`);
  return [
    ...misplaced,
    ...arnProblems(role),
    ...ttlProblems(role),
    ...userProblems(role),
    ...sessionProblems(role),
  ];
}

function arnProblems({ roleArns, policyArns, boundary }: Role): readonly string[] {
  return listOf([
    [
      roleArns.length <= mostRoles && roleArns.every((arn) => roleArn.test(arn)),
      `role_arns has at most ${mostRoles} ARNs of roles, each whole`,
    ],
    [
      policyArns.length <= mostPolicyArns && policyArns.every((arn) => policyArn.test(arn)),
      `policy_arns has at most ${mostPolicyArns} ARNs of IAM policies`,
    ],
    [boundary === '' || policyArn.test(boundary), 'permissions_boundary_arn is the ARN of an IAM policy'],
  ]);
}

function ttlProblems({ defaultTtl, maxTtl }: Role): readonly string[] {
  return listOf([
    [
      defaultTtl === 0 || defaultTtl >= leastTtl,
      `default_sts_ttl is ${leastTtl} seconds and more: AWS gives no shorter sessions`,
    ],
    [
      maxTtl === 0 || maxTtl >= leastTtl,
      `max_sts_ttl is ${leastTtl} seconds and more: AWS gives no shorter sessions`,
    ],
    [
      maxTtl === 0 || defaultTtl <= maxTtl,
      '"default_sts_ttl" value must be less than or equal to "max_sts_ttl" value',
    ],
  ]);
}

function userProblems({ iamGroups, iamTags, userPath, mfaSerial }: Role): readonly string[] {
  return listOf([
    [
      iamGroups.length <= mostGroups && iamGroups.every((name) => /^[\w+=,.@-]{1,128}$/.test(name)),
      `iam_groups has at most ${mostGroups} names of groups`,
    ],
    [areTags(iamTags), `iam_tags has at most ${mostTags} names and values that IAM takes`],
    [
      userPath === '' || /^\/(?:[\x21-\x2e\x30-\x7e]{1,128}\/){0,8}$/.test(userPath),
      'user_path is a path with / at both ends',
    ],
    [
      mfaSerial === '' || deviceName.test(mfaSerial),
      'mfa_serial_number is a serial number or ARN of a device',
    ],
  ]);
}

function areTags(tags: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(tags);
  return (
    entries.length <= mostTags && entries.every(([name, value]) => tagName.test(name) && tagValue.test(value))
  );
}

function sessionProblems(role: Role): readonly string[] {
  const { sessionTags, transitiveTags, externalId, notify } = role;
  const tags = Object.entries(sessionTags);
  return [
    ...listOf([
      [
        tags.length <= mostTags && tags.every(([name]) => tagName.test(name)),
        `session_tags has at most ${mostTags} names that STS takes`,
      ],
      [
        transitiveTags.every((name) => Object.hasOwn(sessionTags, name)),
        'transitive_tags are among session_tags',
      ],
      [
        externalId === '' || /^[\w+=,.@:/-]{2,1224}$/.test(externalId),
        'external_id has 2 to 1224 letters, digits and _+=,.@:/-',
      ],
      [
        notify.length <= mostNotifiers && notify.every((name) => /^[\w.-]{1,128}$/.test(name)),
        `notify has at most ${mostNotifiers} names of notifiers`,
      ],
    ]),
    ...triedOut(() => {
      for (const [name, value] of tags) parseCallerText(`session_tags.${name.slice(0, 40)}`, value);
      if (role.sessionName !== '') checkNameText('session_name_template', role.sessionName);
      if (role.sourceIdentity !== '') checkNameText('source_identity_template', role.sourceIdentity);
    }),
  ];
}

function listOf(checks: readonly (readonly [right: boolean, otherwise: string])[]): readonly string[] {
  return checks.flatMap(([right, otherwise]) => (right ? [] : [otherwise]));
}

function triedOut(check: () => void): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof CofferError) return [error.message];
    throw error;
  }
}

function warningsOf(role: Role): readonly string[] {
  const has = (type: CredentialType) => role.types.includes(type);
  return listOf([
    [
      !has('assumed_role') || role.roleArns.length > 0,
      'without role_arns nobody gets credentials of this role',
    ],
    [!has('session_token'), 'session_token hands out all rights of the identity in config/root'],
    [
      !has('federation_token') || role.policyDocument !== '' || role.policyArns.length > 0,
      'without policy_document and policy_arns nobody gets credentials of this role',
    ],
  ]);
}
