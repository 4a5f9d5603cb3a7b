/** What people are told of credentials: that they were handed out, or that AWS refused them. Never a key, a token or a code. */
import { AwsError } from '../../aws/aws-error.ts';
import type { Call } from '../../core/endpoint.ts';
import type { Notice } from '../../core/notices.ts';
import { asCofferError, CofferError } from '../../errors.ts';
import type { EngineEnvironment } from '../engine.ts';
import type { CredentialType, Role } from './role.ts';

/** What is asked for, as far as it may be told. */
export interface Wanted {
  readonly roleName: string;
  readonly type: CredentialType;
  /** Name of the session or the user at AWS; empty where it has none. */
  readonly name: string;
  /** The role of AWS; empty for other types. */
  readonly roleArn: string;
}

type Told = Pick<EngineEnvironment, 'notices' | 'mountPath'>;

/**
 * Asks the role's notifiers to accept a notice, and resolves once all have.
 *
 * @throws `unavailable` where one does not, or where nobody can be told here; `invalid_request` where there is none of a name
 */
export async function demandAcceptance(
  { notices, mountPath }: Told,
  { notify }: Role,
  wanted: Wanted,
  call: Call,
): Promise<void> {
  if (notify.length === 0) return;
  if (notices === undefined) {
    throw new CofferError(
      'unavailable',
      'this role wants people told first, and this server can tell nobody',
    );
  }
  await notices.demand(notice('credentials.requested', 'asked for', mountPath, wanted, call), notify);
}

/** What the notice of a lease says of it besides. */
export function toldOfLease(wanted: Wanted, call: Call): Readonly<Record<string, string>> {
  return withoutEmpty({ ...fieldsOf(wanted), ...whoOf(call) });
}

/** Posts that AWS did not do what was asked. Whether that comes about changes nothing for the caller. */
export async function tellRefused(
  { notices, mountPath }: Told,
  wanted: Wanted,
  call: Call,
  error: unknown,
): Promise<void> {
  if (!(error instanceof AwsError)) return;
  const { message } = asCofferError(error);
  const told = notice('credentials.refused', 'refused by AWS', mountPath, wanted, call, { reason: message });
  await notices?.post(told).catch(() => undefined);
}

function notice(
  kind: string,
  what: string,
  mountPath: string,
  wanted: Wanted,
  call: Call,
  more: Readonly<Record<string, string>> = {},
): Notice {
  const { caller, remoteAddress, requestId } = call;
  const who = caller?.principal?.name ?? caller?.displayName ?? '';
  return {
    kind,
    subject: `Credentials ${what}: AWS role ${wanted.roleName} to ${who.slice(0, 200)}`,
    fields: withoutEmpty({
      mount: mountPath,
      engine: 'aws',
      ...fieldsOf(wanted),
      ...whoOf(call),
      display_name: caller?.displayName ?? '',
      entity_id: caller?.entityId ?? '',
      token_accessor: caller?.accessor ?? '',
      remote_address: remoteAddress,
      request_id: requestId,
      ...more,
    }),
  };
}

function fieldsOf({ roleName, type, name, roleArn }: Wanted) {
  return { role: roleName, credential_type: type, aws_role: roleArn, aws_name: name };
}

function whoOf({ caller }: Call) {
  return { principal: caller?.principal?.name ?? '', approved_by: caller?.metadata['approved_by'] ?? '' };
}

function withoutEmpty(fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}
