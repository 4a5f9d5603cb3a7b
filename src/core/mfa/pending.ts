/**
 * Logins that wait for a second factor. What the first one proved is kept sealed, under a keyed hash of a request id that only
 * the caller has; any node can go on from it. There is no token until it is used up in the commit that makes one.
 */
import type { KeyObject } from 'node:crypto';
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { hmacSha256 } from '../../crypto/digest.ts';
import { type Random, randomUuid } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { type Expectation, parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { type Due, dueWrite } from '../due.ts';
import type { Principal } from '../endpoint.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';

/** Who proved to be whom, without what went into the commit that stored it. */
export type ProvenPrincipal = Omit<Principal, 'writes' | 'expectations'>;

export interface PendingLogin {
  readonly principal: ProvenPrincipal;
  /** The auth mount's uuid. */
  readonly mount: string;
  /** The request path of the login. */
  readonly path: string;
  readonly entity: string;
  /** The login asked for a wrapped answer. */
  readonly wrapped: boolean;
  /** What the client showed over TLS, in base64; null where it made no difference. */
  readonly shown: readonly string[] | null;
  /** Milliseconds. */
  readonly expiresAt: number;
}

export interface StoredLogin {
  readonly login: PendingLogin;
  readonly asRead: Expectation;
  /** What ends it. */
  readonly endWrites: readonly PlainWrite[];
}

/** Milliseconds that a login waits. */
const patience = 300_000;
/** Logins of one entity that wait at a time. */
const mostWaiting = 20;

export interface PendingLoginsOptions {
  readonly store: BarrierStore;
  /** Key of the hash under which request ids are stored. */
  readonly hashKey: KeyObject;
  readonly clock: Clock;
  readonly random: Random;
}

export class PendingLogins {
  readonly #options: PendingLoginsOptions;

  constructor(options: PendingLoginsOptions) {
    this.#options = options;
  }

  /** Draws a request id without writing anything. Throws `rate_limited` where too many logins of the entity wait already. */
  async prepare(
    login: Omit<PendingLogin, 'expiresAt'>,
  ): Promise<{ readonly requestId: string; readonly writes: readonly PlainWrite[] }> {
    const { store, clock, random } = this.#options;
    const { items } = await store.children(ofEntity(login.entity), { limit: mostWaiting });
    if (items.length >= mostWaiting) {
      throw new CofferError(
        'rate_limited',
        `${mostWaiting} logins wait for their second factor already; try again later`,
      );
    }
    const requestId = randomUuid(random);
    const digest = this.#digest(requestId);
    const expiresAt = clock.now() + patience;
    return {
      requestId,
      writes: [
        { key: pendingKey(digest), value: encodeStored({ ...login, expiresAt } satisfies PendingLogin) },
        { key: ofEntityKey(login.entity, digest), value: 'present' },
        dueWrite(expiresAt, 'pending-login', digest),
      ],
    };
  }

  /** Undefined for what is no request id, and for one that was used or has expired. */
  async read(requestId: string): Promise<StoredLogin | undefined> {
    const found = await this.#stored(this.#digest(requestId));
    return found === undefined || found.login.expiresAt <= this.#options.clock.now() ? undefined : found;
  }

  /** Ends a login that waits; there may be none. */
  async drop(requestId: string): Promise<void> {
    const found = await this.#stored(this.#digest(requestId));
    if (found !== undefined) await this.#options.store.commit(found.endWrites, [found.asRead]);
  }

  /** Takes away what has expired. */
  async onDue(due: Due, fence: Expectation): Promise<void> {
    const found = await this.#stored(due.id);
    await this.#options.store.commit([...(found?.endWrites ?? []), { key: due.key, value: null }], [fence]);
  }

  async #stored(digest: string): Promise<StoredLogin | undefined> {
    const key = pendingKey(digest);
    const sealed = await this.#options.store.read(key);
    if (sealed === undefined) return undefined;
    const login = decodeStored<PendingLogin>(sealed.open());
    return {
      login,
      asRead: { key, revision: sealed.revision },
      endWrites: [
        { key, value: null },
        { key: ofEntityKey(login.entity, digest), value: null },
      ],
    };
  }

  #digest(requestId: string): string {
    return hmacSha256(this.#options.hashKey, requestId).toString('base64url');
  }
}

function pendingKey(digest: string): StorageKey {
  return parseStorageKey(`core/mfa/pending/${digest}`);
}

function ofEntity(entity: string): string {
  return `core/mfa/pending-of/${entity}/`;
}

function ofEntityKey(entity: string, digest: string): StorageKey {
  return parseStorageKey(ofEntity(entity) + digest);
}
