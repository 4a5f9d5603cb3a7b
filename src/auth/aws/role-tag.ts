/**
 * Role tags: a text on an instance that narrows what its login is granted. Whoever may write tags there can put one on any instance,
 * so it is signed by the mount for one role and never grants more than the role does.
 */
import type { View } from '../../core/view.ts';
import { equalBytes } from '../../crypto/digest.ts';
import type { EngineEnvironment } from '../../engine/engine.ts';
import { CofferError } from '../../errors.ts';
import { canonicalRoleName, readRole } from '../role-records.ts';
import { deniedTagPath } from './denied-tags.ts';
import type { Instance } from './questions.ts';
import type { AwsRole } from './role.ts';

export interface RoleTag {
  /** Base64, so that no two tags are the same. */
  readonly nonce: string;
  readonly role: string;
  readonly policies: readonly string[];
  readonly disallowReauthentication: boolean;
  readonly allowInstanceMigration: boolean;
  /** Seconds; 0 for none. */
  readonly maxTtl: number;
  /** Empty for any. */
  readonly instance: string;
}

export type TagGrant = Omit<RoleTag, 'nonce' | 'role' | 'instance'>;

/** Characters that EC2 takes as the value of a tag. */
export const longestTag = 256;

type Digest = EngineEnvironment['digest'];

/** As it is put on an instance. */
export function encodeTag(tag: RoleTag, role: AwsRole, digest: Digest): string {
  const body = bodyOf(tag);
  return `${body}:${signature(body, role, digest)}`;
}

/** Undefined for what is no tag of this role; whose signature is wrong is none. */
export function decodeTag(text: string, role: AwsRole, digest: Digest): RoleTag | undefined {
  const [, body = '', given = ''] = /^(v1:.*):([\w-]{43})$/.exec(text) ?? [];
  if (text.length > longestTag || !equalBytes(Buffer.from(given), Buffer.from(signature(body, role, digest))))
    return undefined;
  const [, nonce = '', ...parts] = body.split(':');
  const said = new Map(parts.map((part) => [part.slice(0, 2), part.slice(2)]));
  return {
    nonce,
    role: said.get('r=') ?? '',
    policies: (said.get('p=') ?? '').split(',').filter((name) => name !== ''),
    disallowReauthentication: said.get('d=') === 'true',
    allowInstanceMigration: said.get('m=') === 'true',
    maxTtl: Number.parseInt(said.get('t=') ?? '0', 10),
    instance: said.get('i=') ?? '',
  };
}

/**
 * What the tag of an instance leaves of what its role grants; undefined for roles without tags. Throws `permission_denied` with
 * the reason, which stays inside.
 */
export async function tagGrant(
  { environment }: { readonly environment: EngineEnvironment },
  view: View,
  role: AwsRole,
  instance: Instance,
): Promise<TagGrant | undefined> {
  if (role.roleTag === '') return undefined;
  const text = instance.tags.get(role.roleTag) ?? '';
  if (text === '') throw refused('the instance has no tag of the name that the role wants');
  const tag = decodeTag(text, role, environment.digest);
  if (tag === undefined || tag.role !== role.name)
    throw refused('the tag of the instance is none of this role');
  if (tag.instance !== '' && tag.instance !== instance.id) throw refused('the tag is for another instance');
  if ((await view.read(deniedTagPath(text))) !== undefined) throw refused('the tag has been denied');
  return { ...tag, policies: tag.policies.filter((name) => role.token.policies.includes(name)) };
}

/** Whether it is a tag of a role that is there: one that an instance might have. */
export async function isTag(view: View, text: string, digest: Digest): Promise<boolean> {
  const name = canonicalRoleName(/:r=([^:]*):/.exec(text)?.[1] ?? '');
  const found = name === undefined ? undefined : await readRole<AwsRole>(view, name);
  return found !== undefined && decodeTag(text, found.role, digest) !== undefined;
}

function bodyOf(tag: RoleTag): string {
  const { nonce, role, policies, disallowReauthentication, allowInstanceMigration, maxTtl, instance } = tag;
  return [
    'v1',
    nonce,
    `r=${role}`,
    ...(policies.length === 0 ? [] : [`p=${policies.join(',')}`]),
    `d=${disallowReauthentication}`,
    `m=${allowInstanceMigration}`,
    ...(maxTtl === 0 ? [] : [`t=${maxTtl}s`]),
    ...(instance === '' ? [] : [`i=${instance}`]),
  ].join(':');
}

/** A role that is deleted and made again is another one: its tags mean nothing any more. */
function signature(body: string, role: AwsRole, digest: Digest): string {
  return digest(`role-tag/${role.id}/${body}`);
}

function refused(reason: string): CofferError {
  return new CofferError('permission_denied', reason);
}
