/**
 * Batch tokens: all that a token is lies in its text, sealed under a key derived from a term of the keyring, and nothing in the
 * store. So making one costs no write, and there is nothing to renew, to revoke or to count down: it ends with its time, with any of
 * its ancestors, with the mount that issued it and with its term. Whether these are there is read with every request.
 */
import type { SealedTexts } from '../../barrier/store.ts';
import { CofferError } from '../../errors.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import { TwoGenerationCache } from '../two-generation-cache.ts';
import type { TokenId, TokenRecord } from './record.ts';
import type { NewToken } from './tokens.ts';

const prefix = 'hvb.';
const purpose = 'batch-token';
/** Characters. A token is a header of each request, beside which there must be room for others. */
const longestText = 8_192;
const cachedTokens = 8_192;

/** A token as its text says it is; whether it is alive shows in the store. */
export interface BatchToken {
  readonly record: TokenRecord;
  /** Accessors of its ancestors, in their order: a text given by its maker can name another token later, an accessor can not. */
  readonly lineage: readonly string[];
}

/** From when on a store goes its own way: what was issued before, or under a term that another store has too, is not its own. */
export interface StoreBeginning {
  /** Milliseconds. */
  readonly at: number;
  /** The first term of its own. */
  readonly term: number;
}

interface Sealed {
  readonly token: NewToken;
  readonly lineage: readonly string[];
}

interface Opened extends BatchToken {
  readonly term: number;
}

export interface BatchTokensOptions {
  readonly texts: SealedTexts;
  readonly idOf: (text: string) => TokenId;
}

export function isBatchText(text: string): boolean {
  return text.startsWith(prefix);
}

export class BatchTokens {
  readonly #texts: SealedTexts;
  readonly #idOf: (text: string) => TokenId;
  readonly #opened = new TwoGenerationCache<Opened>(cachedTokens);
  #beginning: StoreBeginning | undefined;

  constructor({ texts, idOf }: BatchTokensOptions) {
    this.#texts = texts;
    this.#idOf = idOf;
  }

  /** For a store that came out of a backup: tokens without parent from before are refused from now on. */
  beginAt(beginning: StoreBeginning): void {
    this.#beginning = beginning;
    this.#opened.clear();
  }

  /** Makes a token; writes nothing. Throws `invalid_request` for one whose text would be too long for a header. */
  seal(token: NewToken, lineage: readonly string[]): { readonly text: string; readonly record: TokenRecord } {
    const sealed: Sealed = { token, lineage };
    const text = prefix + this.#texts.sealText(purpose, encodeStored(sealed)).toString('base64url');
    if (text.length > longestText) {
      throw new CofferError(
        'invalid_request',
        `a batch token holds all that it is: with so many policies and so much metadata its text would have more than ${longestText} characters; ask for a service token`,
      );
    }
    return { text, record: recordOf(this.#idOf(text), token) };
  }

  /** Undefined for what is no batch token of this store. */
  async open(text: string): Promise<BatchToken | undefined> {
    if (text.length > longestText) return undefined;
    const id = this.#idOf(text);
    const known = this.#opened.get(id);
    if (known !== undefined) return this.#texts.keepsTerm(known.term) ? known : undefined;
    const bytes = decodeText(text);
    const found = bytes === undefined ? undefined : await this.#texts.openText(purpose, bytes);
    if (found === undefined) return undefined;
    const { token, lineage } = decodeStored<Sealed>(found.plaintext);
    const opened = { record: recordOf(id, token), lineage, term: found.term };
    if (this.#isFromBefore(opened)) return undefined;
    this.#opened.set(id, opened, text.length);
    return opened;
  }

  #isFromBefore({ record, term }: Opened): boolean {
    const beginning = this.#beginning;
    if (beginning === undefined || record.ancestors.length > 0) return false;
    return record.issuedAt < beginning.at || term < beginning.term;
  }
}

function recordOf(id: TokenId, token: NewToken): TokenRecord {
  return { ...token, id, type: 'batch', accessor: '', renewedAt: null };
}

/** Only the one spelling that we make: another text for the same bytes would be another token's id. */
function decodeText(text: string): Buffer | undefined {
  const body = text.slice(prefix.length);
  const bytes = Buffer.from(body, 'base64url');
  return bytes.toString('base64url') === body ? bytes : undefined;
}
