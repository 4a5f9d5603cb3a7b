/**
 * `config/rotate-root`: another key takes the place of the one that the mount asks with. It is in the store before anybody relies on it,
 * it has been seen to work before it counts, and only then does the one before go: a process that ends in between leaves a key that
 * works, and a duty that does the rest.
 */
import { AwsError } from '../../aws/aws-error.ts';
import { type IamUsers, mostAccessKeys } from '../../aws/iam-users.ts';
import { type Endpoint, endpoint } from '../../core/endpoint.ts';
import type { View } from '../../core/view.ts';
import { CofferError } from '../../errors.ts';
import type { Revision } from '../../storage/storage.ts';
import type { EngineEnvironment } from '../engine.ts';
import type { AwsServices, Clients } from './clients.ts';
import { waited } from './eventually.ts';
import { isUnknownToAws, toldToCallers } from './refusal.ts';
import {
  encodeRoot,
  type PendingKey,
  type RootConfig,
  readRoot,
  rootPath,
  type StoredRoot,
} from './root-config.ts';

/** Name of the due entry. */
export const rootDue = 'root';

/** Milliseconds in which a rotation is over, or left to the duty; and between the duty's tries. */
const busyTime = 120_000;
const pause = 60_000;
/** Milliseconds before each further look whether a new key works yet. */
const looks = [500, 1_000, 2_000, 4_000, 8_000];
/** A key that does not work after this long never will. */
const hopeless = 1_800_000;
/** AWS's clock and ours may differ by this. */
const clockDifference = 300_000;

export class RootRotation {
  readonly #environment: EngineEnvironment;
  readonly #clients: Clients;

  constructor(environment: EngineEnvironment, clients: Clients) {
    this.#environment = environment;
    this.#clients = clients;
  }

  endpoint(): Endpoint {
    return endpoint({
      pattern: 'config/rotate-root',
      help: 'Puts a new access key, whose secret nobody sees, in the place of the one of config/root.',
      fields: {},
      operations: {
        update: {
          summary: 'Rotate the access key that AWS is asked with',
          spendsFirst: true,
          response: { access_key: { type: 'string' } },
          handle: async ({ view }) => {
            const accessKey = await this.#rotate(view).catch((error: unknown) => {
              throw toldToCallers(error, 'rotate the access key');
            });
            return { data: { access_key: accessKey } };
          },
        },
      },
    });
  }

  async #rotate(view: View): Promise<string> {
    const { clock } = this.#environment;
    const { root, revision } = await readRoot(view);
    if (root.accessKey === '') {
      throw new CofferError('invalid_request', 'config/root has no access_key: there is nothing to rotate');
    }
    if (root.pending !== undefined || root.former !== undefined) {
      throw new CofferError('conflict', 'a rotation is under way or was cut off; try again in a few minutes');
    }
    return this.#clients.tryOut(asUser(root), async ({ iam }) => {
      const user = await iam.ownName();
      const known = (await iam.listKeys(user)).map(({ accessKey }) => accessKey);
      if (known.length >= mostAccessKeys) {
        throw new CofferError(
          'invalid_request',
          `user ${user} has two access keys: delete the other one first`,
        );
      }
      const startedAt = clock.now();
      const begun: PendingKey = { user, known, startedAt, busyUntil: startedAt + busyTime };
      const written = await this.#write(view, { ...root, pending: begun }, revision, begun.busyUntil);
      const key = await iam.createKey(user);
      const staged = { ...root, pending: { ...begun, ...key } };
      const revisionOfStaged = await this.#write(view, staged, written).catch(async (error: unknown) => {
        // Nobody will ever know its secret.
        await iam.deleteKey(user, key.accessKey).catch(() => undefined);
        throw error;
      });
      const stored = { root: staged, revision: revisionOfStaged };
      await this.#untilItWorks(staged);
      await this.#switch(view, stored);
      return key.accessKey;
    });
  }

  /** Duty: goes on with a rotation that was cut off, or takes back what it began. */
  async onDue(view: View): Promise<void> {
    const { clock } = this.#environment;
    const stored = await readRoot(view);
    const { pending, former } = stored.root;
    const now = clock.now();
    const next = pending?.busyUntil ?? former?.retryAt;
    if (next === undefined) return;
    if (next > now) {
      await view.commit([], [{ path: rootPath, revision: stored.revision }], [{ at: next, name: rootDue }]);
      return;
    }
    // Should this fail or end here, the next try has an entry.
    const later: RootConfig = {
      ...stored.root,
      ...(pending === undefined ? {} : { pending: { ...pending, busyUntil: now + pause } }),
      ...(former === undefined ? {} : { former: { ...former, retryAt: now + pause } }),
    };
    const revision = await this.#write(view, later, stored.revision, now + pause);
    if (pending === undefined) await this.#deleteFormer(view, { root: later, revision });
    else await this.#settle(view, { root: later, revision }, pending);
  }

  async #settle(view: View, stored: StoredRoot, pending: PendingKey): Promise<void> {
    if (pending.accessKey === undefined) return this.#takeBack(view, stored, pending);
    try {
      await this.#tryPending(stored.root);
    } catch (error) {
      const old = this.#environment.clock.now() - pending.startedAt > hopeless;
      if (old && isRefused(error)) return this.#takeBack(view, stored, pending);
      throw error;
    }
    await this.#switch(view, stored);
  }

  /** Deletes what the rotation may have made, and leaves the key that there was. */
  async #takeBack(view: View, { root, revision }: StoredRoot, pending: PendingKey): Promise<void> {
    await this.#clients.tryOut(asUser(root), ({ iam }) => deleteMade(iam, pending));
    const { pending: _, ...rest } = root;
    await this.#write(view, rest, revision);
  }

  /** From here on the new key is the mount's. */
  async #switch(view: View, { root, revision }: StoredRoot): Promise<void> {
    const { pending, ...rest } = root;
    if (pending?.accessKey === undefined || pending.secretKey === undefined) return;
    const retryAt = this.#environment.clock.now() + pause;
    const switched: RootConfig = {
      ...rest,
      accessKey: pending.accessKey,
      secretKey: pending.secretKey,
      former: { user: pending.user, accessKey: root.accessKey, retryAt },
    };
    const after = await this.#write(view, switched, revision, retryAt);
    await this.#deleteFormer(view, { root: switched, revision: after });
  }

  async #deleteFormer(view: View, { root, revision }: StoredRoot): Promise<void> {
    const { former, ...rest } = root;
    if (former === undefined) return;
    await this.#clients
      .tryOut(asUser(root), ({ iam }) => iam.deleteKey(former.user, former.accessKey))
      .catch((error: unknown) => {
        if (!isUnknownToAws(error)) throw error;
      });
    await this.#write(view, rest, revision);
  }

  async #untilItWorks(root: RootConfig): Promise<void> {
    const { clock } = this.#environment;
    for (const look of looks) {
      try {
        return await this.#tryPending(root);
      } catch (error) {
        if (!isRefused(error)) throw error;
        await waited(clock, look);
      }
    }
    await this.#tryPending(root).catch((error: unknown) => {
      throw new CofferError(
        'unavailable',
        'AWS does not take the new key yet; it is put in place as soon as AWS does',
        {
          cause: error,
        },
      );
    });
  }

  /** Rejects with `AwsError` where the pending key does not work, or is somebody else's. */
  async #tryPending(root: RootConfig): Promise<void> {
    const { pending } = root;
    if (pending?.accessKey === undefined || pending.secretKey === undefined) return;
    const { accessKey, secretKey } = pending;
    await this.#clients.tryOut({ ...asUser(root), accessKey, secretKey }, async ({ sts }: AwsServices) => {
      const { arn } = await sts.callerIdentity();
      if (!arn.endsWith(`/${pending.user}`)) {
        throw new AwsError(
          'bad-credentials',
          'the new key is of another user than the one that it was made for',
        );
      }
    });
  }

  async #write(view: View, root: RootConfig, expected: Revision | null, due?: number): Promise<Revision> {
    const [revision] = await view.commit(
      [{ path: rootPath, value: encodeRoot(root) }],
      [{ path: rootPath, revision: expected }],
      due === undefined ? [] : [{ at: due, name: rootDue }],
    );
    if (revision === undefined) throw new CofferError('internal', 'a commit answered no revision');
    return revision;
  }
}

/** The keys are the user's own: a role that they assume has nothing to do with them. */
function asUser(root: RootConfig): RootConfig {
  return { ...root, roleArn: '', externalId: '' };
}

function isRefused(error: unknown): boolean {
  return error instanceof AwsError && (error.reason === 'bad-credentials' || error.reason === 'denied');
}

/** Keys that are not among those of before, and were made while the rotation ran. */
async function deleteMade(iam: IamUsers, { user, known, startedAt, busyUntil }: PendingKey): Promise<void> {
  for (const { accessKey, createdAt } of await iam.listKeys(user)) {
    const during = createdAt >= startedAt - clockDifference && createdAt <= busyUntil + clockDifference;
    if (!known.includes(accessKey) && during) await iam.deleteKey(user, accessKey);
  }
}
