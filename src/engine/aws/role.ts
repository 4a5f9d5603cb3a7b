/** Roles at rest: which credentials of AWS are made for whoever may ask for them. */
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';

export const credentialTypes = ['iam_user', 'assumed_role', 'federation_token', 'session_token'] as const;
export type CredentialType = (typeof credentialTypes)[number];

export interface Role {
  /** One; two of a role that was written in Vault's first way. */
  readonly types: readonly CredentialType[];
  /** Written by `policy` or `arn`: users on `creds/`, sessions on `sts/`. */
  readonly isLegacy: boolean;
  readonly roleArns: readonly string[];
  readonly policyArns: readonly string[];
  /** JSON, without needless blanks; empty for none. */
  readonly policyDocument: string;
  readonly iamGroups: readonly string[];
  readonly iamTags: Readonly<Record<string, string>>;
  /** Seconds; 0 where nothing is set. */
  readonly defaultTtl: number;
  readonly maxTtl: number;
  readonly userPath: string;
  readonly boundary: string;
  readonly mfaSerial: string;
  /** Templates of values, by name. */
  readonly sessionTags: Readonly<Record<string, string>>;
  readonly transitiveTags: readonly string[];
  readonly externalId: string;
  /** Templates. */
  readonly sessionName: string;
  readonly sourceIdentity: string;
  /** Names of notifiers that have to accept a notice first. */
  readonly notify: readonly string[];
}

export const noRole: Role = {
  types: [],
  isLegacy: false,
  roleArns: [],
  policyArns: [],
  policyDocument: '',
  iamGroups: [],
  iamTags: {},
  defaultTtl: 0,
  maxTtl: 0,
  userPath: '',
  boundary: '',
  mfaSerial: '',
  sessionTags: {},
  transitiveTags: [],
  externalId: '',
  sessionName: '',
  sourceIdentity: '',
  notify: [],
};

export const roleFolder = 'role/';

export function rolePath(name: string): string {
  return roleFolder + name;
}

export function encodeRole(role: Role): Buffer {
  return encodeStored(role);
}

export function decodeRole(bytes: Buffer): Role {
  return decodeStored<Role>(bytes);
}

export async function readRole(view: View, name: string): Promise<Role | undefined> {
  const record = await view.read(rolePath(name));
  return record === undefined ? undefined : decodeRole(record.open());
}

/** Names of roles of IAM are names here, too; case counts. Throws `invalid_request`. */
export function parseRoleName(text: string | undefined): string {
  if (text !== undefined && /^[\w+=,@-](?:[\w+=,.@-]{0,126}[\w+=,@-])?$/.test(text)) return text;
  throw new CofferError(
    'invalid_request',
    'a name has 1 to 128 letters, digits and _+=,.@-, and no "." at its ends',
  );
}
