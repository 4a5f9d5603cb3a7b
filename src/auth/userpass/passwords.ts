/** Making and checking password hashes in turn, always at the same cost to whoever asks. */

import {
  type DerivePassword,
  dummyHash,
  encodePasswordHash,
  hashPassword,
  isPassword,
  isWeaker,
  type PasswordHash,
  parsePasswordHash,
  type ScryptCost,
} from '../../crypto/password-hash.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import type { Derivations } from './derivations.ts';

export interface PasswordsOptions {
  readonly random: Random;
  readonly cost: ScryptCost;
  readonly derive: DerivePassword;
  /** Shared by all mounts of the process. */
  readonly derivations: Derivations;
}

export class Passwords {
  readonly #options: PasswordsOptions;
  readonly #dummy: PasswordHash;

  constructor(options: PasswordsOptions) {
    this.#options = options;
    this.#dummy = dummyHash(options.random, options.cost);
  }

  /** The PHC string to store. Throws `rate_limited` when too many wait. */
  hash(password: string, address: string): Promise<string> {
    const { random, cost, derive, derivations } = this.#options;
    return derivations.run(address, async () =>
      encodePasswordHash(await hashPassword(password, random, cost, derive)),
    );
  }

  /** Whether the password is the stored one; `undefined` is nobody's, costs the same and is never right. */
  check(password: string, stored: string | undefined, address: string): Promise<boolean> {
    const { derive, derivations } = this.#options;
    const hash = stored === undefined ? this.#dummy : parseStoredHash(stored);
    return derivations.run(
      address,
      async () => (await isPassword(password, hash, derive)) && stored !== undefined,
    );
  }

  isWeak(stored: string): boolean {
    return isWeaker(parseStoredHash(stored), this.#options.cost);
  }
}

function parseStoredHash(stored: string): PasswordHash {
  const hash = parsePasswordHash(stored);
  if (hash === undefined) throw new CofferError('integrity', 'a stored password hash is not readable');
  return hash;
}

/** A hash made elsewhere. Throws `invalid_request`, never with the text. */
export function checkGivenHash(text: string): string {
  if (parsePasswordHash(text) !== undefined) return text;
  throw new CofferError(
    'invalid_request',
    'password_hash is a scrypt hash as a PHC string, $scrypt$ln=15,r=8,p=3$SALT$HASH; others, such as bcrypt’s, are not taken',
  );
}
