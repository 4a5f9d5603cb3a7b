/**
 * The keys that sign access tokens, in one record of the mount. The newest signs; the next is published a whole period before it signs, so that
 * who keeps the published keys for a while has it by then; earlier ones verify until every token they signed has ended.
 */
import type { KeyObject } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { retryOnConflict } from '../../core/retry.ts';
import { decodeStored, encodeStored } from '../../core/stored-json.ts';
import type { DueEntry, View } from '../../core/view.ts';
import { type Es256Signer, openSigner, openVerifier } from '../../crypto/jwt/es256.ts';
import { generateSigningKey, type SigningKey } from '../../crypto/jwt/sign.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { JsonObject } from '../../json.ts';
import type { Revision } from '../../storage/storage.ts';
import type { Sealed } from './user.ts';

interface RetiredKey {
  readonly publicJwk: JsonObject;
  /** Milliseconds. */
  readonly endsAt: number;
}

interface KeysRecord {
  readonly current: SigningKey;
  readonly next: SigningKey;
  readonly retired: readonly RetiredKey[];
  /** Milliseconds. */
  readonly rotatesAt: number;
}

/** The record as it is worked with. */
export interface OpenKeys {
  readonly signer: Es256Signer;
  /** By key id. */
  readonly verifiers: ReadonlyMap<string, { readonly key: KeyObject; readonly endsAt: number | undefined }>;
  /** JWKs that others verify by. */
  published(now: number): readonly JsonObject[];
}

export const keysPath = 'oauth2/keys';
/** In the index of due work. */
export const keysDue = 'oauth2/keys';

/** Seconds that an access token lives. */
export const tokenLife = 3_600;

const period = 7 * 86_400_000;
/** Keys that verify at a time: rotating by hand again and again must not fill a record. */
const mostRetired = 40;
/** Beyond a token's life: clocks of nodes may differ. */
const slack = 300_000;

export interface KeyMeans {
  readonly clock: Clock;
  readonly random: Random;
}

export class SigningKeys {
  readonly #means: KeyMeans;
  /** Of the newest revision that was read: re-validated by it each time. */
  #kept: { readonly revision: Revision; readonly keys: OpenKeys } | undefined;

  constructor(means: KeyMeans) {
    this.#means = means;
  }

  /** @param sealed the record at `keysPath`, as read in this request; undefined where there are no keys yet */
  opened(sealed: Sealed): OpenKeys | undefined {
    if (sealed === undefined) return undefined;
    if (this.#kept?.revision === sealed.revision) return this.#kept.keys;
    const keys = openKeys(decodeStored<KeysRecord>(sealed.open()));
    this.#kept = { revision: sealed.revision, keys };
    return keys;
  }

  /** Makes the first keys; where there are some already, nothing happens. */
  async make(view: View): Promise<OpenKeys> {
    return retryOnConflict(async () => {
      const there = this.opened(await view.read(keysPath));
      if (there !== undefined) return there;
      const record = await this.#first();
      await this.#commit(view, record, null);
      return openKeys(record);
    });
  }

  /** Duty: rotates what is due, and forgets what has ended. Comes by in vain where somebody was faster. */
  async onDue(view: View): Promise<void> {
    await retryOnConflict(async () => {
      const sealed = await view.read(keysPath);
      if (sealed === undefined) return;
      const before = decodeStored<KeysRecord>(sealed.open());
      const now = this.#means.clock.now();
      const retired = before.retired.filter(({ endsAt }) => endsAt > now);
      if (before.rotatesAt > now) {
        if (retired.length < before.retired.length)
          await this.#commit(view, { ...before, retired }, sealed.revision);
        return;
      }
      await this.#commit(view, await this.#rotated({ ...before, retired }), sealed.revision);
    });
  }

  /**
   * Rotates at once. In an emergency no earlier key verifies any more, nor the one that was published to be next: every token is dead as soon as others
   * read the keys again. Throws `invalid_request` where too many earlier keys still verify.
   */
  async rotate(view: View, emergency: boolean): Promise<void> {
    await retryOnConflict(async () => {
      const sealed = await view.read(keysPath);
      if (sealed === undefined || emergency) {
        await this.#commit(view, await this.#first(), sealed?.revision ?? null);
        return;
      }
      const before = decodeStored<KeysRecord>(sealed.open());
      const now = this.#means.clock.now();
      const retired = before.retired.filter(({ endsAt }) => endsAt > now);
      if (retired.length >= mostRetired) {
        throw new CofferError(
          'invalid_request',
          `${mostRetired} earlier keys still verify tokens: wait until some have ended, an hour at most`,
        );
      }
      await this.#commit(view, await this.#rotated({ ...before, retired }), sealed.revision);
    });
  }

  /** Lets go of the private key. */
  close(): void {
    this.#kept = undefined;
  }

  async #first(): Promise<KeysRecord> {
    const [current, next] = await Promise.all([this.#generate(), this.#generate()]);
    return { current, next, retired: [], rotatesAt: this.#means.clock.now() + period };
  }

  async #rotated({ current, next, retired }: KeysRecord): Promise<KeysRecord> {
    const now = this.#means.clock.now();
    const ended = { publicJwk: current.publicJwk, endsAt: now + tokenLife * 1_000 + slack };
    const following = await this.#generate();
    return { current: next, next: following, retired: [...retired, ended], rotatesAt: now + period };
  }

  #generate(): Promise<SigningKey> {
    return generateSigningKey('ES256', this.#means.random);
  }

  async #commit(view: View, record: KeysRecord, revision: Revision | null): Promise<void> {
    const path = keysPath;
    await view.commit([{ path, value: encodeStored(record) }], [{ path, revision }], [dueOf(record)]);
  }
}

function dueOf({ rotatesAt, retired }: KeysRecord): DueEntry {
  return { at: Math.min(rotatesAt, ...retired.map(({ endsAt }) => endsAt)), name: keysDue };
}

function openKeys({ current, next, retired }: KeysRecord): OpenKeys {
  const living = [current, next].map(({ publicJwk }) => ({ publicJwk, endsAt: undefined }));
  const all = [...living, ...retired];
  return {
    signer: openSigner(current),
    verifiers: new Map(
      all.map(({ publicJwk, endsAt }) => [
        String(publicJwk['kid']),
        { key: openVerifier(publicJwk), endsAt },
      ]),
    ),
    published: (now) =>
      all.filter(({ endsAt }) => endsAt === undefined || endsAt > now).map(({ publicJwk }) => publicJwk),
  };
}
