/** Finding secrets by name below a folder: a page a request, each of bounded work. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { openAead, sealAead } from '../../crypto/aead.ts';
import { hmacSha256 } from '../../crypto/digest.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { fullName } from './address.ts';
import type { NamePattern } from './name-pattern.ts';
import { type Walk, walk } from './walk.ts';

/** Names looked at in one request. */
const mostLookedAt = 5_000;
export const mostFound = 1_000;

export interface FindPage {
  /** Whole paths, in order. */
  readonly keys: readonly string[];
  /** For the next request; undefined when all was looked at. */
  readonly next: string | undefined;
}

export async function findSecrets(
  where: Walk,
  pattern: NamePattern,
  after: string | undefined,
  limit: number,
  cursors: Cursors,
): Promise<FindPage> {
  const folder = fullName(where.at, where.folder);
  const keys: string[] = [];
  let lookedAt = 0;
  for await (const { position, name } of walk(where, cursors.open(folder, after))) {
    if (name !== undefined && pattern(position)) keys.push(fullName(where.at, name));
    if (++lookedAt >= mostLookedAt || keys.length >= limit) {
      return { keys, next: cursors.seal(folder, position) };
    }
  }
  return { keys, next: undefined };
}

/** Where to go on may be a name that the caller must not see: it is sealed, for the folder it belongs to. */
export class Cursors {
  readonly #key: KeyObject;
  readonly #random: Random;

  constructor(key: KeyObject, random: Random) {
    this.#key = key;
    this.#random = random;
  }

  seal(folder: string, position: string): string {
    const salt = this.#random.bytes(saltBytes);
    const sealed = sealAead(this.#random, this.#keyOf(salt), padded(position), Buffer.from(folder));
    return Buffer.concat([salt, sealed]).toString('base64url');
  }

  /** Throws `invalid_request` for what is no cursor of this folder. */
  open(folder: string, cursor: string | undefined): string | undefined {
    if (cursor === undefined || cursor === '') return undefined;
    try {
      const bytes = Buffer.from(cursor, 'base64url');
      const key = this.#keyOf(bytes.subarray(0, saltBytes));
      const position = openAead(key, bytes.subarray(saltBytes), Buffer.from(folder));
      return position.toString('utf8').split(endOfPosition, 1)[0];
    } catch (error) {
      const message = 'after is what the page before this one gave as next, for the same path';
      throw new CofferError('invalid_request', message, { cause: error });
    }
  }

  /** A key each, so that no count of seals has to be kept. */
  #keyOf(salt: Buffer): KeyObject {
    return createSecretKey(hmacSha256(this.#key, salt));
  }
}

const saltBytes = 16;

/** To one length, or that of the cursor would tell of the name's. The end of the name is a character that none can have. */
function padded(position: string): Buffer {
  const bytes = Buffer.alloc(1_024);
  bytes.write(position + endOfPosition);
  return bytes;
}

const endOfPosition = '\n';
