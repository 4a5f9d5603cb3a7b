/** Sessions: credentials that STS makes and that end by themselves. Nobody can end them sooner. */
import type { SessionKeys } from '../../aws/sts.ts';
import type { Call } from '../../core/endpoint.ts';
import { CofferError } from '../../errors.ts';
import { parseCallerText, placeValue } from './caller-text.ts';
import type { AwsServices } from './clients.ts';
import type { CredentialType, Role } from './role.ts';
import { tagValue } from './role-fields.ts';
import { givenName, nameOf } from './session-name.ts';

/** Everything that is asked of STS, decided before anything is asked. */
export type SessionOrder = (services: AwsServices) => Promise<SessionKeys>;

export interface PlannedSession {
  readonly order: SessionOrder;
  /** The session's name at AWS; empty where it has none. */
  readonly name: string;
  readonly roleArn: string;
}

export interface SessionRequest {
  readonly call: Call;
  readonly roleName: string;
  readonly role: Role;
  readonly type: Exclude<CredentialType, 'iam_user'>;
  readonly seconds: number;
  readonly roleArn: string | undefined;
  readonly roleSessionName: string | undefined;
  readonly mfaCode: string | undefined;
  /** A name for sessions of roles that say none: of at most so many characters. */
  readonly usualName: (longest: number) => string;
  readonly digest: (text: string) => string;
}

const longestSessionName = 64;
const longestFederatedName = 32;

/** Throws `invalid_request` for what cannot be asked. */
export function planSession(request: SessionRequest): PlannedSession {
  switch (request.type) {
    case 'assumed_role':
      return assumedRole(request);
    case 'federation_token':
      return federationToken(request);
    case 'session_token':
      return sessionToken(request);
  }
}

function assumedRole(request: SessionRequest): PlannedSession {
  const { role, seconds } = request;
  const roleArn = chosenArn(request);
  const sessionName = sessionNameOf(request);
  const session = {
    roleArn,
    sessionName,
    seconds,
    ...narrowing(request),
    transitiveTags: role.transitiveTags,
    ...(role.externalId === '' ? {} : { externalId: role.externalId }),
    ...(role.sourceIdentity === ''
      ? {}
      : { sourceIdentity: named(request, 'source_identity_template', role.sourceIdentity) }),
  };
  return { name: sessionName, roleArn, order: ({ sts }) => sts.assumeRole(session) };
}

/** An empty list means none; nothing but what is in it is ever asked for. */
function chosenArn({ role: { roleArns }, roleName, roleArn }: SessionRequest): string {
  const chosen = roleArn ?? (roleArns.length === 1 ? roleArns[0] : undefined);
  if (chosen === undefined) {
    throw refused(
      roleArns.length === 0
        ? `role "${roleName}" has no role_arns: it allows nothing`
        : 'did not supply a role_arn parameter and unable to determine one',
    );
  }
  if (!roleArns.includes(chosen)) throw refused(`role_arn is none of the role_arns of role "${roleName}"`);
  return chosen;
}

function sessionNameOf(request: SessionRequest): string {
  const { role, roleSessionName, digest, usualName } = request;
  if (role.sessionName === '') {
    return roleSessionName ? givenName(roleSessionName, digest) : usualName(longestSessionName);
  }
  if (roleSessionName)
    throw refused('role_session_name is for the role to say: it has a session_name_template');
  return named(request, 'session_name_template', role.sessionName);
}

function named({ call, roleName, digest }: SessionRequest, what: string, template: string): string {
  return nameOf(what, template, { caller: call.caller, roleName, requestId: call.requestId }, digest);
}

function federationToken(request: SessionRequest): PlannedSession {
  const { role, seconds, usualName } = request;
  forTypeOnly(request, 'assumed_role', ['roleArn', 'roleSessionName']);
  // Without a policy STS would give a session that may do what policies of resources say, and nobody has thought of that.
  if (role.policyDocument === '' && role.policyArns.length === 0) {
    throw refused(
      'must specify a policy_document or policy_arns: without them a federated user may do nothing',
    );
  }
  const name = usualName(longestFederatedName);
  const session = { name, seconds, ...narrowing(request) };
  return { name, roleArn: '', order: ({ sts }) => sts.federationToken(session) };
}

function sessionToken(request: SessionRequest): PlannedSession {
  const { role, seconds, mfaCode } = request;
  forTypeOnly(request, 'assumed_role', ['roleArn', 'roleSessionName']);
  if (role.mfaSerial === '') {
    if (mfaCode) throw refused('mfa_code is for roles with an mfa_serial_number');
    return { name: '', roleArn: '', order: ({ sts }) => sts.sessionToken({ seconds }) };
  }
  if (mfaCode === undefined || !/^\d{6}$/.test(mfaCode)) {
    throw refused('mfa_code is needed: the six digits that the device of this role shows');
  }
  const device = { serialNumber: role.mfaSerial, code: mfaCode };
  return { name: '', roleArn: '', order: ({ sts }) => sts.sessionToken({ seconds, device }) };
}

/** What is configured to narrow a session goes with every one. */
function narrowing(request: SessionRequest) {
  const { policyDocument, policyArns } = request.role;
  return {
    policyArns,
    tags: tagsOf(request),
    ...(policyDocument === '' ? {} : { policy: policyDocument }),
  };
}

/** Values decide about rights, so one that does not fit is refused and never bent. */
function tagsOf({ role: { sessionTags }, call, roleName }: SessionRequest): Readonly<Record<string, string>> {
  const input = { caller: call.caller, roleName, requestId: call.requestId };
  const tags = Object.entries(sessionTags).map(([name, template]): [string, string] => {
    const parts = parseCallerText('session_tags', template);
    const value = parts.map((part) => (typeof part === 'string' ? part : placeValue(part, input))).join('');
    if (tagValue.test(value)) return [name, value];
    throw refused(
      `the session tag "${name}" takes up to 256 letters, digits, blanks and _.:/=+@-, and your value has others`,
    );
  });
  return Object.fromEntries(tags);
}

function forTypeOnly(
  request: SessionRequest,
  type: CredentialType,
  names: readonly ('roleArn' | 'roleSessionName')[],
): void {
  if (names.some((name) => request[name] !== undefined && request[name] !== '')) {
    throw refused(`role_arn and role_session_name go with roles of credential_type ${type}`);
  }
}

function refused(why: string): CofferError {
  return new CofferError('invalid_request', why);
}
