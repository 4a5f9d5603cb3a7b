/** Users of IAM, made for whoever asks and taken apart with their leases. */
import { AwsError } from '../../aws/aws-error.ts';
import type { AccessKey, IamUsers } from '../../aws/iam-users.ts';
import type { Call, Leased } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { EngineEnvironment } from '../engine.ts';
import { Intents, type OpenIntent } from '../user-intent.ts';
import type { Clients } from './clients.ts';
import { onceKnown } from './eventually.ts';
import { readLeaseConfig } from './lease-config.ts';
import { isUnknownToAws } from './refusal.ts';
import type { Role } from './role.ts';

/** What a lease keeps to take its user apart by. */
interface LeasedUser extends UserPlace {
  readonly kind: 'user';
  readonly intent: string;
  /** Milliseconds. */
  readonly issuedAt: number;
}

export interface MadeUser {
  readonly key: AccessKey;
  readonly lease: Leased;
}

/** What is needed to take a user apart. */
interface UserPlace {
  readonly username: string;
  /** Twelve digits: where a user of this name is the one that is meant. */
  readonly account: string;
}

/** Milliseconds in which a user that is being made has its lease; IAM knows everywhere by then whether it has the user. */
const busyTime = 300_000;
/** What the user's own policy is called in IAM. */
const policyName = 'coffer';
/** Milliseconds in which IAM may not know everywhere that it has a user. */
const becomingKnown = 60_000;
/** Milliseconds in which a user is made or the making is given up: long before an intent may be settled. */
const makingTime = 60_000;

export class Users {
  readonly intents: Intents<UserPlace>;
  readonly #environment: EngineEnvironment;
  readonly #clients: Clients;

  constructor(environment: EngineEnvironment, clients: Clients) {
    this.#environment = environment;
    this.#clients = clients;
    const { clock, random } = environment;
    this.intents = new Intents({
      busyTime,
      busyMessage: 'a user of IAM may still be being made',
      end: (view, user) => this.#remove(view, user),
      clock,
      random,
    });
  }

  /** Throws `AwsError` where AWS does not make it; then nothing stays, or the intent sees to it that nothing does. */
  async make(call: Call, role: Role, username: string, wish: number | undefined): Promise<MadeUser> {
    const { view, clock } = call;
    const issuedAt = clock.now();
    const signal = call.signal();
    const { lease, leaseMax } = await readLeaseConfig(view);
    const account = await this.#clients.account(view);
    const intent = await this.intents.open(view, { username, account });
    const key = await this.#clients
      .use(view, ({ iam }) => this.#build(iam, role, username))
      .catch((error: unknown) => this.#takeBack(view, { username, account }, intent, error));
    const internal: LeasedUser = { kind: 'user', username, account, intent: intent.path, issuedAt };
    if (signal.aborted) {
      const late = new CofferError('request_timeout', 'the request took too long');
      await this.#takeBack(view, { username, account }, intent, late);
    }
    const ttl = wish || lease || this.#environment.defaultTtl;
    const longest = Math.min(leaseMax || this.#environment.maxTtl, this.#environment.maxTtl);
    return {
      key,
      lease: {
        ttl,
        maxTtl: longest,
        renewable: true,
        internal: { ...internal },
        writes: intent.writes,
        expectations: intent.expectations,
      },
    };
  }

  /** Seconds to grant: what is asked, or what new users get. Throws `invalid_request` for sessions. */
  async renew(internal: JsonObject, increment: number | undefined, view: View): Promise<number | undefined> {
    if (internal['kind'] !== 'user') throw new CofferError('invalid_request', 'lease is not renewable');
    if (increment) return increment;
    return (await readLeaseConfig(view)).lease || undefined;
  }

  /** Takes the user apart. What is gone already is success. */
  async revoke(internal: JsonObject, view: View): Promise<void> {
    const user = internal as unknown as LeasedUser;
    const age = this.#environment.clock.now() - user.issuedAt;
    await this.#remove(view, user, age < becomingKnown);
    await this.intents.forget(view, user.intent);
  }

  /** @param isNew whether that IAM does not know the user proves nothing yet */
  async #remove(view: View, { username, account }: UserPlace, isNew = false): Promise<void> {
    try {
      await this.#clients.use(view, ({ iam }) => iam.dismantle(username));
    } catch (error) {
      if (!isUnknownToAws(error)) throw error;
      const own = await this.#clients.account(view);
      if (own !== account) {
        throw new CofferError(
          'unavailable',
          `user ${username} was made in account ${account}, and config/root is of account ${own} now`,
        );
      }
      if (isNew)
        throw new CofferError('unavailable', `IAM does not know user ${username} yet; try again in a minute`);
    }
  }

  async #build(iam: IamUsers, role: Role, username: string): Promise<AccessKey> {
    const { clock } = this.#environment;
    const end = clock.steady() + makingTime;
    const step = <T>(action: () => Promise<T>): Promise<T> => {
      if (clock.steady() >= end) throw new CofferError('unavailable', 'making a user of IAM took too long');
      return onceKnown(clock, action, () => iam.listKeys(username));
    };
    const { userPath, boundary, iamTags, iamGroups, policyArns, policyDocument } = role;
    await iam.createUser({ name: username, path: userPath || '/', boundary, tags: iamTags });
    for (const group of iamGroups) await step(() => iam.joinGroup(username, group));
    for (const arn of policyArns) await step(() => iam.attachPolicy(username, arn));
    if (policyDocument !== '') await step(() => iam.putPolicy(username, policyName, policyDocument));
    return step(() => iam.createKey(username));
  }

  /** Always rejects with `error`. What cannot be taken back now the intent has taken back later. */
  async #takeBack(view: View, user: UserPlace, { path }: OpenIntent, error: unknown): Promise<never> {
    try {
      await this.#clients.use(view, ({ iam }) => iam.dismantle(user.username));
      await this.intents.forget(view, path);
    } catch (failure) {
      // That there is no such user is believed where AWS has said why it made none.
      const refused = error instanceof AwsError && (error.reason === 'denied' || error.reason === 'invalid');
      if (refused && isUnknownToAws(failure)) await this.intents.forget(view, path);
    }
    throw error;
  }
}
