/**
 * A tag says which application a user is for, and another which of its keys were switched off when it was disabled. Users that are not below the
 * provider's path or have no such tag are somebody else's, and are not touched.
 */
import { AwsError } from '../../aws/aws-error.ts';
import type { AwsOptions } from '../../aws/aws-options.ts';
import type { IamClient, IamServiceUsers, KnownUser } from '../../aws/iam-service-users.ts';
import { mostAccessKeys } from '../../aws/iam-users.ts';
import { stsClient } from '../../aws/sts.ts';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import type {
  Credential,
  CredentialKind,
  ListedUser,
  OpenProvider,
  ProviderTraits,
  ProviderTurn,
  ServiceUser,
  Staging,
} from '../provider.ts';
import { told } from './refusal.ts';
import type { AwsIamSettings } from './settings.ts';

const tag = { application: 'coffer:application', team: 'coffer:team', disabled: 'coffer:disabled' } as const;
/** Milliseconds in which IAM may not know everywhere that it has a key. */
const becomingKnown = 60_000;
/** What the user's own policy is called that ends sessions. */
const revocation = 'coffer-revoked-sessions';

export class AwsIam implements OpenProvider {
  readonly traits: ProviderTraits = { kinds: { password: { oldEndsAt: 'retire' } }, most: mostAccessKeys };
  readonly concurrency: number;
  readonly #settings: AwsIamSettings;
  readonly #iam: IamClient;
  readonly #clock: Clock;
  /** Keys that were made here of late, and when. */
  readonly #made = new Map<string, number>();

  constructor(settings: AwsIamSettings, iam: IamClient, clock: Clock) {
    this.#settings = settings;
    this.#iam = iam;
    this.#clock = clock;
    this.concurrency = settings.concurrency;
  }

  ensure(user: ServiceUser, { signal }: ProviderTurn): Promise<void> {
    return told(this.#ensure(user, this.#iam.during(signal)));
  }

  disable(username: string, { signal }: ProviderTurn): Promise<void> {
    return told(this.#disable(username, this.#iam.during(signal)));
  }

  delete(username: string, { signal }: ProviderTurn): Promise<void> {
    return told(this.#delete(username, this.#iam.during(signal)));
  }

  list(prefix: string, after: string | undefined, { signal }: ProviderTurn) {
    return told(this.#list(prefix, after, this.#iam.during(signal)));
  }

  stage(user: ServiceUser, staging: Staging, { signal }: ProviderTurn): Promise<Credential> {
    return told(this.#stage(user, staging, this.#iam.during(signal)));
  }

  verify(user: ServiceUser, credential: Credential, { signal }: ProviderTurn) {
    return told(this.#verify(user, credential, this.#iam.during(signal), signal));
  }

  /** Both keys are good, and stay so. */
  async commit(): Promise<void> {}

  retireOthers(
    user: ServiceUser,
    _kind: CredentialKind,
    keep: readonly Credential[],
    { signal }: ProviderTurn,
  ): Promise<void> {
    return told(this.#retireOthers(user.username, keep, this.#iam.during(signal)));
  }

  /** A key ends at once; what it was exchanged for goes on, unless it is told apart by when it was made (IAM's guide, "Revoking temporary credentials"). */
  revokeSessions({ username }: ServiceUser, { signal }: ProviderTurn): Promise<void> {
    const Statement = [
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { DateLessThan: { 'aws:TokenIssueTime': new Date(this.#clock.now()).toISOString() } },
      },
    ];
    const document = JSON.stringify({ Version: '2012-10-17', Statement });
    return told(this.#iam.during(signal).putPolicy(username, revocation, document));
  }

  close(): void {
    this.#iam.close();
  }

  async #ensure(user: ServiceUser, iam: IamServiceUsers): Promise<void> {
    const { path, boundary, groups, policies } = this.#settings;
    const { username, application, team } = user;
    checkName(username);
    const tags = { [tag.application]: application, ...(isTagValue(team) ? { [tag.team]: team } : {}) };
    const found = await iam.find(username);
    if (found === undefined) await iam.create({ name: username, path, boundary, tags });
    else {
      this.#checkOwn(username, found, application);
      if (found.tags[tag.team] !== tags[tag.team]) await this.#retag(username, iam, tags);
    }
    await iam.changeRights(username, await iam.rights(username), { groups, policies });
    // Last, so that it gets in with what it is to have and with nothing else.
    if (found?.tags[tag.disabled] !== undefined) await enable(username, found.tags[tag.disabled] ?? '', iam);
  }

  async #retag(
    username: string,
    iam: IamServiceUsers,
    tags: Readonly<Record<string, string>>,
  ): Promise<void> {
    if (tags[tag.team] === undefined) await iam.untag(username, [tag.team]);
    else await iam.tag(username, tags);
  }

  async #disable(username: string, iam: IamServiceUsers): Promise<void> {
    const found = await this.#own(username, iam);
    if (found === undefined) return;
    const active = (await iam.keys(username)).filter((key) => key.active).map((key) => key.accessKey);
    const before = keysIn(found.tags[tag.disabled] ?? '');
    // Written before they are switched off: whoever goes on after a crash knows which ones were on.
    await iam.tag(username, { [tag.disabled]: [...new Set([...before, ...active])].join(' ') || 'none' });
    for (const accessKey of active) await iam.setActive(username, accessKey, false);
  }

  async #delete(username: string, iam: IamServiceUsers): Promise<void> {
    if ((await this.#own(username, iam)) === undefined) return;
    await iam.dismantle(username);
  }

  async #list(prefix: string, after: string | undefined, iam: IamServiceUsers) {
    const { names, next } = await iam.list(this.#settings.path, after);
    const users: ListedUser[] = [];
    for (const username of names) {
      if (!username.startsWith(prefix)) continue;
      // Lists of IAM come without tags.
      const found = await iam.find(username);
      if (found !== undefined && found.tags[tag.application] !== undefined)
        users.push({ username, disabled: found.tags[tag.disabled] !== undefined });
    }
    return next === undefined ? { users } : { users, next };
  }

  /** A key that was made and got lost stands in the way of the next: nobody knows its secret. */
  async #stage({ username }: ServiceUser, staging: Staging, iam: IamServiceUsers): Promise<Credential> {
    const { kind, generation, current } = staging;
    const keys = (await iam.keys(username)).toSorted((one, other) => one.createdAt - other.createdAt);
    const lost = keys.filter(({ accessKey }) => accessKey !== current?.id);
    const room = mostAccessKeys - 1;
    for (const { accessKey } of lost.slice(0, Math.max(0, keys.length - room)))
      await iam.deleteKey(username, accessKey);
    const { accessKey, secretKey } = await iam.createKey(username);
    for (const [key, at] of this.#made)
      if (this.#clock.steady() - at >= becomingKnown) this.#made.delete(key);
    this.#made.set(accessKey, this.#clock.steady());
    return { kind, generation, id: accessKey, secret: secretKey, reference: accessKey };
  }

  /** AWS takes a while until it knows a new key everywhere: only IAM says that there is none. */
  async #verify(
    { username }: ServiceUser,
    { id, secret }: Credential,
    iam: IamServiceUsers,
    signal: AbortSignal,
  ): Promise<'accepted' | 'refused'> {
    const known = await iam.keys(username).catch((error: unknown) => {
      if (error instanceof AwsError && error.reason === 'not-found') return [];
      throw error;
    });
    const listed = known.find(({ accessKey }) => accessKey === id);
    if (listed === undefined && this.#isNew(id)) throw notKnownYet();
    if (listed?.active !== true) return 'refused';
    const sts = stsClient({ ...asKey(this.#settings.iam, id, secret ?? ''), signal });
    try {
      const { arn } = await sts.callerIdentity();
      return arn.endsWith(`:user${this.#settings.path}${username}`) ? 'accepted' : 'refused';
    } catch (error) {
      if (!(error instanceof AwsError) || error.reason !== 'bad-credentials') throw error;
      throw notKnownYet();
    } finally {
      sts.close();
    }
  }

  async #retireOthers(username: string, keep: readonly Credential[], iam: IamServiceUsers): Promise<void> {
    const kept = new Set(keep.map(({ id }) => id));
    for (const { accessKey } of await iam.keys(username)) {
      if (kept.has(accessKey)) continue;
      await iam.deleteKey(username, accessKey);
      this.#made.delete(accessKey);
    }
  }

  #isNew(accessKey: string): boolean {
    const at = this.#made.get(accessKey);
    return at !== undefined && this.#clock.steady() - at < becomingKnown;
  }

  async #own(username: string, iam: IamServiceUsers): Promise<KnownUser | undefined> {
    checkName(username);
    const found = await iam.find(username);
    if (found !== undefined) this.#checkOwn(username, found);
    return found;
  }

  /** Throws `invalid_request` for a user that is somebody else's. */
  #checkOwn(username: string, { path, tags }: KnownUser, application?: string): void {
    const marked = tags[tag.application];
    const isOwn = marked !== undefined && (application === undefined || marked === application);
    if (isOwn && path === this.#settings.path) return;
    throw new CofferError(
      'invalid_request',
      `IAM has a user ${username} that is not one of this provider’s: it is not below ${this.#settings.path}, or is not tagged ${tag.application}=${application ?? 'ID'}`,
    );
  }
}

async function enable(username: string, keys: string, iam: IamServiceUsers): Promise<void> {
  const there = await iam.keys(username);
  for (const accessKey of keysIn(keys)) {
    if (there.some((key) => key.accessKey === accessKey && !key.active))
      await iam.setActive(username, accessKey, true);
  }
  await iam.untag(username, [tag.disabled]);
}

function notKnownYet(): CofferError {
  return new CofferError('unavailable', 'AWS does not know the new access key everywhere yet; try again');
}

function keysIn(text: string): readonly string[] {
  return text.split(' ').filter((word) => word !== '' && word !== 'none');
}

/** What STS is asked with: the key alone, and nothing of who asks IAM. */
function asKey({ env, region, deadline }: AwsOptions, key: string, secret: string): AwsOptions {
  const { AWS_SESSION_TOKEN: _, AWS_PROFILE: __, ...others } = env;
  return {
    env: { ...others, AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret },
    region,
    deadline,
    attempts: 2,
  };
}

/** What IAM takes as a tag's value. */
function isTagValue(text: string): boolean {
  return /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u.test(text);
}

function checkName(username: string): void {
  if (/^[\w+=,.@-]{1,64}$/.test(username)) return;
  throw new CofferError(
    'invalid_request',
    'IAM takes names of users of at most 64 letters, digits and any of _+=,.@-: the mount’s username_prefix and the application’s id together',
  );
}
