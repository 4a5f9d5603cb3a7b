/** `config`: what holds for all secrets of the mount. Policies say who may set it; to be distinguished is no right to. */
import { type Call, type Endpoint, endpoint, type FieldValues, type Reply } from '../../core/endpoint.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import { type OwnAccount, parseRoleMount } from './principals.ts';
import type { RoleMount } from './role-mount.ts';
import {
  distinguishedOf,
  encodeRules,
  everyRole,
  type Grant,
  mostVersions,
  type Rules,
  rulesPath,
} from './rules.ts';

const usualRoleMount = 'aws/';
/** Most entries of one list. */
const mostListed = 64;

const fields = {
  account: { type: 'string', help: 'The AWS account of bare names, in 12 digits.' },
  role_mount: { type: 'string', help: 'Path of the auth mount that proves its roles, without auth/ (aws/).' },
  distinguished: { type: 'list', help: 'Who administers, in place of the role dssssadmin.' },
  writers: { type: 'list', help: 'Who may create new names; *account is every role of the account.' },
  listers: { type: 'list', help: 'Who may list every name; *account is every role of the account.' },
  max_versions: { type: 'int', help: `Versions of a secret to keep, 1 to ${mostVersions}.` },
} as const;

const response = {
  account: { type: 'string', help: 'Empty where it was never said.' },
  role_mount: { type: 'string', help: 'Empty where it was never said, or is there no more.' },
  distinguished: { type: 'list' },
  writers: { type: 'list' },
  listers: { type: 'list' },
  max_versions: { type: 'int' },
} as const;

type ConfigCall = Call & { readonly fields: FieldValues<typeof fields> };

export function configEndpoint(mount: RoleMount): Endpoint {
  return endpoint({
    pattern: 'config',
    help: 'Shows and sets what holds for all secrets of the mount.',
    fields,
    operations: {
      read: {
        summary: 'Show the rules of the mount',
        response,
        handle: async (call) => ({ data: shown(mount, (await mount.secrets.readRules(call.view)).rules) }),
      },
      update: { summary: 'Set rules of the mount', handle: (call) => set(mount, call) },
    },
  });
}

function shown({ mounts, naming }: RoleMount, rules: Rules): JsonObject {
  const { own, writers, listers, maxVersions } = rules;
  const names = naming(rules);
  const grants = (list: readonly Grant[]) =>
    list.map((grant) => (grant === everyRole ? everyRole : (names.show([grant])[0] ?? '')));
  return {
    account: own?.account ?? '',
    role_mount: own === null ? '' : (mounts.of(own.roleMount)?.path ?? ''),
    distinguished: names.show(distinguishedOf(rules)),
    writers: grants(writers),
    listers: grants(listers),
    max_versions: maxVersions,
  };
}

async function set(mount: RoleMount, call: ConfigCall): Promise<Reply | undefined> {
  await retryOnConflict(async () => {
    const { rules, revision } = await mount.secrets.readRules(call.view);
    const value = encodeRules(changed(mount, rules, call));
    await call.view.commit([{ path: rulesPath, value }], [{ path: rulesPath, revision }]);
  });
  return undefined;
}

/** What was not sent stays. */
function changed(mount: RoleMount, rules: Rules, { fields: sent }: ConfigCall): Rules {
  const own = ownAccount(mount, rules.own, sent);
  const names = mount.naming({ own });
  const grants = (words: readonly string[] | undefined): readonly Grant[] | undefined => {
    if (words === undefined) return undefined;
    checkLength(words);
    if (words.includes(everyRole) && own === null) {
      throw new CofferError('invalid_request', `${everyRole} needs account: whose roles they are`);
    }
    const named = names.parse(words.filter((word) => word !== everyRole));
    return words.includes(everyRole) ? [everyRole, ...named] : named;
  };
  checkLength(sent.distinguished ?? []);
  const most = sent.max_versions ?? rules.maxVersions;
  if (most < 1 || most > mostVersions) {
    throw new CofferError('invalid_request', `max_versions is a number from 1 to ${mostVersions}`);
  }
  return {
    own,
    distinguished: sent.distinguished === undefined ? rules.distinguished : names.parse(sent.distinguished),
    writers: grants(sent.writers) ?? rules.writers,
    listers: grants(sent.listers) ?? rules.listers,
    maxVersions: most,
  };
}

/**
 * The mount is kept by its uuid from here on: another one at the same path proves nobody until somebody says `role_mount` anew.
 */
function ownAccount(
  { mounts }: RoleMount,
  before: OwnAccount | null,
  { account, role_mount: path }: ConfigCall['fields'],
): OwnAccount | null {
  const said = account ?? before?.account;
  if (said === undefined) {
    if (path === undefined) return null;
    throw new CofferError('invalid_request', 'role_mount goes with account, in 12 digits');
  }
  if (!/^\d{12}$/.test(said)) throw new CofferError('invalid_request', 'account must be 12 digits');
  if (path === undefined && before !== null) return { account: said, roleMount: before.roleMount };
  return { account: said, roleMount: parseRoleMount(path ?? usualRoleMount, mounts).uuid };
}

function checkLength(words: readonly string[]): void {
  if (words.length <= mostListed) return;
  throw new CofferError('invalid_request', `a list has at most ${mostListed} entries`);
}
