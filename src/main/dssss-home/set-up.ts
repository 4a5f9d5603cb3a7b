/**
 * What a store needs so that clients of dssss are at home there: an auth mount that reads documents of instances, a role of it for
 * them, and a mount of secrets. What is there stays as it is; only lists of roles that the start names are set anew.
 */
import { CofferError } from '../../errors.ts';
import type { DssssPlaces } from '../../http/dialect/dssss/dssss.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../json.ts';
import type { OwnSession } from '../own-session.ts';

export interface DssssWish {
  readonly places: DssssPlaces;
  /** Roles besides `dssssadmin` that administer; undefined leaves what is there. */
  readonly distinguished: readonly string[] | undefined;
  /** Who may create new names; undefined leaves what is there, and is every role of the account the first time. */
  readonly writers: readonly string[] | undefined;
  /** Who may list every name; undefined leaves what is there. */
  readonly listers: readonly string[] | undefined;
  /** The server's own, in twelve digits; asked for only where nobody has said it yet. */
  readonly account: () => Promise<string>;
}

/** As they hold by now. */
export interface DssssRules {
  readonly account: string;
  readonly distinguished: readonly string[];
  readonly writers: readonly string[];
  readonly listers: readonly string[];
}

/** Every role of the own account. */
export const everyRole = '*account';
/** The role that dssss itself knows. */
const builtIn = 'dssssadmin';

/** Throws `usage` where something else is in the way, and what the requests are refused with. */
export async function setUpDssss({ ask }: OwnSession, wish: DssssWish): Promise<DssssRules> {
  const { auth, role, secrets } = wish.places;
  await requireMount(ask, 'sys/auth', auth, 'aws');
  await requireMount(ask, 'sys/mounts', secrets, 'role-secrets');
  const before = rulesOf(await ask('read', `${secrets}/config`));
  const account = before.account === '' ? await wish.account() : before.account;
  const isFirst = (await ask('read', `auth/${auth}/role/${role}`)) === undefined;
  const changed: Record<string, JsonValue> = {};
  if (before.account === '') Object.assign(changed, { account, role_mount: `${auth}/` });
  if (isFirst && before.writers.length === 0) changed['writers'] = [everyRole];
  if (wish.distinguished !== undefined) changed['distinguished'] = [builtIn, ...wish.distinguished];
  if (wish.writers !== undefined) changed['writers'] = wish.writers;
  if (wish.listers !== undefined) changed['listers'] = wish.listers;
  if (Object.keys(changed).length > 0) await ask('update', `${secrets}/config`, changed);
  // Last, because by it a later start tells that this is done.
  if (isFirst) await ask('update', `auth/${auth}/role/${role}`, loginRole(account));
  return rulesOf(await ask('read', `${secrets}/config`));
}

/** Clients show the same document with each request, so that no nonce can be asked of them. */
function loginRole(account: string): JsonObject {
  return {
    auth_type: 'ec2',
    bound_account_id: account,
    ignore_nonce: true,
    token_type: 'service',
    token_ttl: '15m',
    token_max_ttl: '15m',
  };
}

/** Another node may make the same mount at the same time. */
async function requireMount(
  ask: OwnSession['ask'],
  list: 'sys/auth' | 'sys/mounts',
  path: string,
  type: string,
): Promise<void> {
  const there = await typeAt(ask, list, path);
  if (there === undefined) {
    const refusal = await ask('update', `${list}/${path}`, { type }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal === undefined || (await typeAt(ask, list, path)) === type) return;
    throw refusal;
  }
  if (there === type) return;
  throw new CofferError(
    'usage',
    `--dssss needs a mount of type ${type} at ${list === 'sys/auth' ? 'auth/' : ''}${path}/, and there is one of type ${there}: ` +
      'move that one away, or make the mounts yourself and tell a listener of them (dialect = "dssss?auth=…&role=…&secrets=…")',
  );
}

async function typeAt(ask: OwnSession['ask'], list: string, path: string): Promise<string | undefined> {
  const all = await ask('read', list);
  const mount = all?.[`${path}/`];
  return isJsonObject(mount) ? String(mount['type']) : undefined;
}

function rulesOf(config: JsonObject | undefined): DssssRules {
  const list = (name: string) => {
    const value = config?.[name];
    return Array.isArray(value) ? value.map(String) : [];
  };
  return {
    account: typeof config?.['account'] === 'string' ? config['account'] : '',
    distinguished: list('distinguished'),
    writers: list('writers'),
    listers: list('listers'),
  };
}
