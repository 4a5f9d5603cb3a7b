/** Password policies at rest. */
import type { BarrierStore } from '../../barrier/store.ts';
import type { Random } from '../../crypto/random.ts';
import { CofferError } from '../../errors.ts';
import { type Page, type PageRequest, parseStorageKey, storageLimits } from '../../storage/storage.ts';
import { parsePolicyName } from '../policy/name.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { generatePassword } from './generate.ts';
import { parsePasswordPolicy } from './policy.ts';

const prefix = 'core/password-policy/';

interface Stored {
  readonly text: string;
}

export class PasswordPolicies {
  readonly #store: BarrierStore;

  constructor(store: BarrierStore) {
    this.#store = store;
  }

  /** The text as written; undefined where there is none. Throws `invalid_request` for what is no name. */
  async read(name: string): Promise<string | undefined> {
    const sealed = await this.#store.read(keyOf(name));
    return sealed === undefined ? undefined : decodeStored<Stored>(sealed.open()).text;
  }

  /** A password by the policy of that name. Throws `invalid_request` where there is none. */
  async generate(name: string, random: Random): Promise<string> {
    const text = await this.read(name);
    if (text === undefined) {
      throw new CofferError('invalid_request', `there is no password policy "${name.slice(0, 60)}"`);
    }
    return generatePassword(text, random);
  }

  /** Throws `invalid_request` listing what is wrong with the text; then nothing has changed. */
  async write(name: string, text: string): Promise<void> {
    parsePasswordPolicy(text);
    const value = encodeStored({ text } satisfies Stored);
    if (value.length > storageLimits.recordBytes - 1_024) {
      throw new CofferError('invalid_request', 'a policy has at most 255 KiB of text');
    }
    await this.#store.commit([{ key: keyOf(name), value }]);
  }

  /** Deleting what is not there is fine. */
  async delete(name: string): Promise<void> {
    await this.#store.commit([{ key: keyOf(name), value: null }]);
  }

  /** Names in order. */
  async list(page: PageRequest): Promise<Page<string>> {
    const after = page.after === undefined ? {} : { after: prefix + page.after };
    const { items, next } = await this.#store.range(prefix, { limit: page.limit, ...after });
    return {
      items: items.map(({ key }) => key.slice(prefix.length)),
      ...(next === undefined ? {} : { next: next.slice(prefix.length) }),
    };
  }
}

function keyOf(name: string) {
  return parseStorageKey(prefix + parsePolicyName(name));
}
