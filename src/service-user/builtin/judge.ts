/**
 * Judges what applications show: clients by their secrets, users by their passwords. Whatever is wrong, the answer is the same, and so is the work: the
 * same records are read, one digest is made, and one record is written, whoever it is about.
 */
import type { Call } from '../../core/endpoint.ts';
import type { AttemptChange, Lockout } from '../../core/lockout/lockout.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import { invalidClient, invalidGrant, OAuthRefusal } from './oauth-refusal.ts';
import {
  type Digest,
  decodeUser,
  isAmong,
  isUserName,
  ownerOf,
  type Sealed,
  secretDigest,
  type UserRecord,
  userPath,
} from './user.ts';

export interface JudgeMeans {
  readonly lockout: Lockout;
  readonly digest: Digest;
}

/**
 * `late`: it was good once, or is of a disabled user. Refused like a wrong one and not counted, since nobody guesses it: a process that goes on with
 * an old secret must not lock out those beside it that have the new one. `public`: a client that has no secret. `nobody`: there is no such user or
 * client.
 */
type Verdict = 'right' | 'wrong' | 'late' | 'public' | 'nobody';

/** What is shown in a request. */
export interface Shown {
  /** Whose record decides; undefined for what can be nobody's. */
  readonly username: string | undefined;
  /** What failures are counted by. */
  readonly lockName: string;
  verdict(user: UserRecord | undefined): Verdict;
  refusal(): OAuthRefusal;
}

/** What failures are counted by. Of a client by its id, which nobody can tell from its application's name: so nobody locks what they don't know. */
export function lockNameOf(kind: 'user' | 'client', id: string): string {
  return `${kind}/${id.slice(0, 200)}`;
}

/** An empty id stands for none. */
export function shownClient(id: string, secret: string, digest: Digest): Shown {
  const username = ownerOf(id);
  return {
    username,
    lockName: lockNameOf('client', id),
    verdict(user) {
      const made = secretDigest('client', id, secret, digest);
      const client = user?.clients.find((each) => each.id === id);
      if (isAmong(made, user?.former ?? [])) return 'late';
      if (client?.digest === null) return 'public';
      const right = isAmong(made, [client?.digest ?? null]);
      if (client === undefined) return 'nobody';
      return right ? rightFor(user) : 'wrong';
    },
    refusal: invalidClient,
  };
}

/** @param application the client's: a user is asked for by clients of its own application and no others */
export function shownUser(
  username: string,
  password: string,
  digest: Digest,
  clientOwner: string | undefined,
): Shown {
  return {
    username: isUserName(username) ? username : undefined,
    lockName: lockNameOf('user', username),
    verdict(user) {
      const made = secretDigest('password', username, password, digest);
      const right = isAmong(made, user?.passwords.map((each) => each.digest) ?? []);
      // Nothing is judged for another application's client, and so nothing is told.
      if (username !== clientOwner) return 'late';
      if (isAmong(made, user?.former ?? [])) return 'late';
      if (user === undefined) return 'nobody';
      return right ? rightFor(user) : 'wrong';
    },
    refusal: invalidGrant,
  };
}

function rightFor(user: UserRecord | undefined): Verdict {
  return user?.disabled === true ? 'late' : 'right';
}

export interface Judged {
  /** The client's, which is the user's own where a user was shown, too. */
  readonly user: UserRecord;
  /** For the commit of the request, if it has one; else `remember` makes one. */
  readonly change: AttemptChange;
  /** The record at one of the paths that were asked for besides. */
  record(path: string): Sealed;
}

/** Where the commits of refusals go that count for nobody. */
const nobodyPath = 'oauth2/nobody';
/** As long as the record of a name's failures is. */
const blank = Buffer.alloc(220);

/**
 * Reads all that a request needs at once, and judges what it shows, one after the other. Throws the refusal of the first that is not good.
 *
 * @param besides paths of records that the request needs, too
 */
export async function judge(
  means: JudgeMeans,
  call: Pick<Call, 'view' | 'remoteAddress'>,
  shown: readonly [Shown, ...(readonly Shown[])],
  besides: readonly string[],
): Promise<Judged> {
  const own = shown.flatMap(({ username, lockName }) => [
    ...(username === undefined ? [] : [userPath(username)]),
    means.lockout.pathOf(lockName),
  ]);
  const paths = [...new Set([...own, ...besides])];
  const found = await call.view.readMany(paths);
  const at = new Map(paths.map((path, index) => [path, found[index]]));
  const [first, ...others] = shown;
  const { user, change } = await judgeOne(means, call, first, at);
  const changes = [change];
  for (const each of others) changes.push((await judgeOne(means, call, each, at)).change);
  return { user, change: together(changes), record: (path) => at.get(path) };
}

/** Commits what there is to remember of a success: mostly nothing. */
export async function remember(view: View, { change }: Judged): Promise<void> {
  if (change.writes.length > 0) await view.commit(change.writes, change.expectations);
}

async function judgeOne(
  { lockout }: JudgeMeans,
  { view, remoteAddress }: Pick<Call, 'view' | 'remoteAddress'>,
  shown: Shown,
  at: ReadonlyMap<string, Sealed>,
): Promise<{ readonly user: UserRecord; readonly change: AttemptChange }> {
  const { username = '', lockName: name } = shown;
  const account = userPath(username);
  const read = username === '' ? undefined : decodeUser(at.get(account));
  const verdict = shown.verdict(read?.user);
  const path = lockout.pathOf(name);
  try {
    if (verdict === 'late' || verdict === 'public') {
      await view.commit([{ path: nobodyPath, value: blank }]);
      throw verdict === 'public' ? noSecret() : shown.refusal();
    }
    if (read === undefined || verdict === 'nobody') {
      const attempt = await lockout.attemptOfNobody(path, remoteAddress);
      await view.commit([{ path: nobodyPath, value: blank }]);
      return await attempt.failed(shown.refusal());
    }
    const { user, revision } = read;
    const names = { name, path, sealed: at.get(path), account: { path: account, revision } };
    const attempt = lockout.attempt(view, names, remoteAddress);
    if (verdict === 'right') return { user, change: attempt.succeeded() };
    return await attempt.failed(shown.refusal());
  } catch (error) {
    // A name that is locked is told what every other refusal tells.
    const locked = error instanceof CofferError && error.code === 'permission_denied';
    throw locked && !(error instanceof OAuthRefusal) ? shown.refusal() : error;
  }
}

/** RFC 6749 §4.4: client credentials are for clients that have a secret; RFC 9700 §2.4: passwords are for as few as can be. */
function noSecret(): OAuthRefusal {
  return new OAuthRefusal(
    'unauthorized_client',
    'a public client proves nothing, and has no grant here: make the client of this application confidential',
  );
}

/** One record may be in several of them, as it was read once. */
function together(changes: readonly AttemptChange[]): AttemptChange {
  const expectations = new Map(
    changes.flatMap((change) => change.expectations.map((each) => [each.path, each] as const)),
  );
  return {
    writes: changes.flatMap(({ writes }) => writes),
    expectations: [...expectations.values()],
  };
}
