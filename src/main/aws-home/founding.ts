/**
 * What a store begins with that its server makes at AWS (ADR 139): secrets that list their readers at `secret/`, an auth method that
 * knows the roles of the server's own account, and the right to administer for the distinguished ones of them.
 */
import { administratorRole, foundingRecords } from '../../auth/aws/founding.ts';
import type { AwsCaller } from '../../aws/caller.ts';
import type { Clock } from '../../clock.ts';
import type { HomeNames } from '../../config/aws-home.ts';
import type { Founding } from '../../core/create-store.ts';
import { newEntry } from '../../core/mount/builtin.ts';
import { noMountConfig } from '../../core/mount/entry.ts';
import type { Random } from '../../crypto/random.ts';
import { ownRole } from '../../engine/role-secrets/principals.ts';
import { encodeRules, plainRules, rulesPath, usualAdministrator } from '../../engine/role-secrets/rules.ts';
import { CofferError } from '../../errors.ts';

/** Each is a record of the store's one commit. */
const mostDistinguished = 16;

export const administratorPolicy = 'administrator';

/**
 * Everything that runs the server, and no secret: whose list they are on decides that, and where secrets are mounted later a policy
 * that somebody writes, which leaves a line in the audit log.
 */
export const administratorText = `# Distinguished roles of the server's own account administer it.
path "sys/*"         { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }
path "auth/*"        { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }
path "identity/*"    { capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"] }
path "secret/config" { capabilities = ["create", "read", "update"] }
`;

/** Roles of IAM that administer a new store: the usual one, and those that were said. Throws `usage` for what can be none. */
export function distinguishedRoles(said: readonly string[]): readonly string[] {
  const all = new Map([usualAdministrator, ...said].map((name) => [administratorRole(name), name]));
  if (all.size > mostDistinguished) {
    throw new CofferError('usage', `at most ${mostDistinguished - 1} roles can be --distinguished`);
  }
  return [...all.values()];
}

export interface FoundingWish {
  readonly names: HomeNames;
  readonly caller: AwsCaller;
  /** As `distinguishedRoles` has them. */
  readonly distinguished: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
}

export function foundingOf({ names, caller, distinguished, clock, random }: FoundingWish): Founding {
  const { account, partition } = caller;
  const common = { options: null, config: noMountConfig };
  const now = clock.now();
  const logins = newEntry(
    { kind: 'auth', path: 'auth/aws/', type: 'aws', description: 'roles of the own account', ...common },
    random,
    now,
  );
  const secrets = newEntry(
    {
      kind: 'secret',
      path: 'secret/',
      type: 'role-secrets',
      description: 'secrets that list who may read them',
      ...common,
      options: { version: '2' },
    },
    random,
    now,
  );
  const own = { account, roleMount: logins.uuid };
  const rules = { ...plainRules, own, distinguished: distinguished.map((name) => ownRole(own, name)) };
  const about = { account, partition, administrators: distinguished, policy: administratorPolicy };
  return {
    mounts: [
      { entry: logins, records: foundingRecords({ ...about, serverId: names.serverId }, random) },
      { entry: secrets, records: [{ path: rulesPath, value: encodeRules(rules) }] },
    ],
    policies: [{ name: administratorPolicy, text: administratorText }],
  };
}
