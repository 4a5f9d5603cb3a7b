/**
 * Answers kept for one reader: the text of an answer lies in the cubbyhole of a token made for it, which works once. Whoever
 * takes it out ends the token in the same commit, so that of two readers one gets it and the other learns that somebody was
 * there before.
 */
import type { BarrierStore, PlainWrite } from '../../barrier/store.ts';
import { type Clock, timestamp } from '../../clock.ts';
import { CofferError, ConflictError } from '../../errors.ts';
import { parseStorageKey, type StorageKey } from '../../storage/storage.ts';
import { dueWrite } from '../due.ts';
import { responseWrappingPolicyName } from '../policy/builtin.ts';
import type { WrapInfo } from '../request.ts';
import { type TokenId, type TokenRecord, tokenKey } from '../token/record.ts';
import type { MintedToken, StoredToken, Tokens } from '../token/tokens.ts';

/** Bytes of text in one record. */
const partBytes = 120 * 1024;
/** Parts written in one commit. */
const partsACommit = 2;
/** No secret is longer than 1 MiB; four of them leave room for listings. */
const longestText = 4 * 1024 * 1024;
/** The life of a wrapping token has a bound like every token's, in seconds. */
const longestTtl = 2_764_800;

/** What a wrapping token knows of itself. */
interface WrapRecord {
  readonly creationPath: string;
  readonly ttl: number;
  readonly parts: number;
  readonly wrappedAccessor: string | null;
  /** What it keeps is no answer but a request that waits for approval: see `core/approval/`. */
  readonly approval?: true;
}

export interface Wrapped {
  readonly record: WrapRecord;
  readonly token: StoredToken;
}

export interface NewWrapping {
  readonly text: string;
  /** Seconds. */
  readonly ttl: number;
  readonly creationPath: string;
  /** Accessor of a token, or of a secret id, that the text holds. */
  readonly wrappedAccessor: string | undefined;
  /** Whose ceiling the wrapping token counts against; undefined for nobody's. */
  readonly identity: string | undefined;
  /** The text is a request that waits for approval; the token is there until that is carried out. */
  readonly approval?: true;
}

/** Throws `invalid_request` for a life that is longer than any token's. In seconds. */
export function checkWrapTtl(ttl: number): void {
  if (ttl <= longestTtl) return;
  throw new CofferError('invalid_request', `a wrapping token lives ${longestTtl} seconds at most`);
}

export interface WrappingsOptions {
  readonly store: BarrierStore;
  readonly clock: Clock;
  readonly tokens: Tokens;
  /** Where a token's cubbyhole lies in the store. Throws where there is none. */
  readonly cubbyhole: (token: TokenId) => string;
}

export class Wrappings {
  readonly #options: WrappingsOptions;

  constructor(options: WrappingsOptions) {
    this.#options = options;
  }

  /** Stores a text and the token that opens it; `also` goes into the commit that makes the token real. */
  async wrap(
    wrapping: NewWrapping,
    also: {
      readonly writes: readonly PlainWrite[];
      readonly end?: StoredToken;
      /** The same, for what names the new token; told in how many parts the text is. */
      readonly about?: (token: TokenRecord, parts: number) => readonly PlainWrite[];
    } = { writes: [] },
  ): Promise<WrapInfo> {
    const { store, clock } = this.#options;
    const parts = inParts(wrapping.text);
    const now = clock.now();
    const minted = this.#mint(wrapping, parts.length, now);
    const writes = parts.map((value, index) => ({ key: this.#partKey(minted.record.id, index), value }));
    const first = writes.slice(partsACommit);
    // What is written ahead goes with the token's end, also if the token never comes to be.
    const sweep = dueWrite(now + wrapping.ttl * 1_000 + 60_000, 'token-tree', minted.record.id);
    for (let at = 0; at < first.length; at += partsACommit) {
      await store.commit([...first.slice(at, at + partsACommit), sweep]);
    }
    const ended = also.end;
    await store.commit(
      [
        ...minted.writes,
        ...writes.slice(0, partsACommit),
        ...also.writes,
        ...(also.about?.(minted.record, parts.length) ?? []),
      ],
      ended === undefined ? [] : [{ key: tokenKey(ended.record.id), revision: ended.revision }],
    );
    return {
      token: minted.text,
      accessor: minted.record.accessor,
      ttl: wrapping.ttl,
      creationTime: timestamp(now),
      creationPath: wrapping.creationPath,
      wrappedAccessor: wrapping.wrappedAccessor,
    };
  }

  /** Undefined for what is no wrapping token, or one that has ended. */
  async find(text: string): Promise<Wrapped | undefined> {
    const { tokens } = this.#options;
    const token = await tokens.read(tokens.idOf(text));
    return token === undefined ? undefined : this.wrappedBy(token);
  }

  wrappedBy(token: StoredToken): Wrapped | undefined {
    const { policies, internal, expiresAt, usesLeft } = token.record;
    const ended = usesLeft === 0 || expiresAt === null || expiresAt <= this.#options.clock.now();
    if (ended || internal === null || !policies.includes(responseWrappingPolicyName)) return undefined;
    return { token, record: internal as unknown as WrapRecord };
  }

  /** The text, left where it is: for a caller whose use of the token is spent by the request itself. */
  async text({ token, record }: Wrapped): Promise<string> {
    const { store } = this.#options;
    const keys = Array.from({ length: record.parts }, (_, index) => this.#partKey(token.record.id, index));
    const sealed = await store.readMany(keys);
    const parts = sealed.map((part) => part?.open());
    if (parts.some((part) => part === undefined)) throw notValid();
    return Buffer.concat(parts.filter((part) => part !== undefined)).toString('utf8');
  }

  /** Takes the text out and ends the token. Throws `invalid_request` when somebody else was first. */
  async take(wrapped: Wrapped): Promise<string> {
    const text = await this.text(wrapped);
    const { record, revision } = wrapped.token;
    await firstOnly(
      this.#options.store.commit(this.#endWrites(wrapped), [{ key: tokenKey(record.id), revision }]),
    );
    return text;
  }

  /** Its policy lets a wrapping token make nothing: its text is all that it leaves. What is too long for one commit is the duty's. */
  #endWrites({ token, record: { parts } }: Wrapped): readonly PlainWrite[] {
    const { tokens } = this.#options;
    if (parts > partsACommit) return tokens.endWrites(token.record);
    return [...tokens.endAloneWrites(token.record), ...this.textEnd(token.record.id, parts)];
  }

  /** The writes that take a text away, wherever its token is. */
  textEnd(token: TokenId, parts: number): readonly PlainWrite[] {
    return Array.from({ length: parts }, (_, index) => ({ key: this.#partKey(token, index), value: null }));
  }

  /** The same text under a new token, for as long again; the old token ends with the new one's beginning. */
  async rewrap(wrapped: Wrapped): Promise<WrapInfo> {
    const { creationPath, ttl, wrappedAccessor } = wrapped.record;
    const text = await this.text(wrapped);
    return firstOnly(
      this.wrap(
        {
          text,
          ttl,
          creationPath,
          wrappedAccessor: wrappedAccessor ?? undefined,
          identity: wrapped.token.record.identity,
        },
        { writes: this.#endWrites(wrapped), end: wrapped.token },
      ),
    );
  }

  #mint(wrapping: NewWrapping, parts: number, now: number): MintedToken {
    const { ttl, creationPath, wrappedAccessor, identity, approval } = wrapping;
    checkWrapTtl(ttl);
    const record: WrapRecord = {
      creationPath,
      ttl,
      parts,
      wrappedAccessor: wrappedAccessor ?? null,
      ...(approval === undefined ? {} : { approval }),
    };
    return this.#options.tokens.mint({
      policies: [responseWrappingPolicyName],
      displayName: 'response-wrapping',
      metadata: null,
      ...(identity === undefined ? {} : { identity }),
      path: creationPath,
      mount: null,
      ancestors: [],
      issuedAt: now,
      expiresAt: now + ttl * 1_000,
      creationTtl: ttl,
      maxTtl: 0,
      explicitMaxTtl: ttl,
      period: 0,
      renewable: false,
      usesLeft: approval === true ? null : 1,
      orphan: true,
      boundCidrs: [],
      internal: { ...record },
    });
  }

  #partKey(token: TokenId, index: number): StorageKey {
    return parseStorageKey(`${this.#options.cubbyhole(token)}.wrapped/${String(index).padStart(4, '0')}`);
  }
}

/** One answer for every token that opens nothing: which it was is nobody's business. */
export function notValid(): CofferError {
  return new CofferError('invalid_request', 'wrapping token is not valid or does not exist');
}

async function firstOnly<T>(commit: Promise<T>): Promise<T> {
  try {
    return await commit;
  } catch (error) {
    throw error instanceof ConflictError ? notValid() : error;
  }
}

function inParts(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > longestText) {
    throw new CofferError(
      'payload_too_large',
      `an answer of more than ${longestText} bytes cannot be wrapped`,
    );
  }
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += partBytes)
    parts.push(bytes.subarray(at, at + partBytes));
  return parts;
}
