/** Policies at rest, and the decisions of token's policies compiled from them, kept for as long as the epoch says. */

import type { BarrierStore, SealedRecord } from '../../barrier/store.ts';
import type { Clock } from '../../clock.ts';
import { CofferError } from '../../errors.ts';
import {
  type Page,
  type PageRequest,
  parseStorageKey,
  type Revision,
  storageLimits,
} from '../../storage/storage.ts';
import { bumpWitnessed, decodeEpoch, epochKey } from '../epoch.ts';
import { retryOnConflict } from '../retry.ts';
import { decodeStored, encodeStored } from '../stored-json.ts';
import type { ReadToken } from '../token/reader.ts';
import type { TokenRecord } from '../token/record.ts';
import { TwoGenerationCache } from '../two-generation-cache.ts';
import { checkWitness, digestOf, witnessKey } from '../witness.ts';
import type { Acl } from './acl.ts';
import { responseWrappingPolicyName, responseWrappingPolicyText, rootPolicyName } from './builtin.ts';
import { compileAcl, compileFor, rootAcl } from './compile.ts';
import { type Policy, parsePolicy } from './policy.ts';
import { type Filling, fillPolicies, loginMetadata, type TemplateSubject } from './template.ts';

export interface StoredPolicy {
  readonly name: string;
  /** As written, byte for byte. */
  readonly text: string;
  /** Milliseconds. */
  readonly writtenAt: number;
}

interface KnownPolicy {
  readonly revision: Revision;
  readonly policy: Policy;
  /** Of the record, for its witness. */
  readonly digest: string;
}

const prefix = 'core/policy/';
/** Policies read at a time: with their witnesses and the epoch they are one multi-get. */
const readAtOnce = Math.floor((storageLimits.readKeys - 1) / 2);
const cachedAcls = 1_024;
const cachedPolicies = 16_384;

function policyKey(name: string): ReturnType<typeof parseStorageKey> {
  return parseStorageKey(prefix + name);
}

/** What everyone with the same policies shares, and those of the policies that depend on who asks. */
interface SharedAcl {
  readonly acl: Acl;
  readonly templated: readonly Policy[];
}

interface CompiledFor {
  readonly epoch: number;
  readonly acl: Acl;
  readonly subject: TemplateSubject | typeof anybody | typeof nobody;
  /** Of the login; undefined also where it makes no difference. */
  readonly metadata: Filling['metadata'];
}

/** Whose policies decide. */
type Decided = Pick<ReadToken, 'policies' | 'identity'> & {
  readonly record: Pick<TokenRecord, 'mount' | 'principal' | 'metadata'>;
};

const unfilled: Filling = { subject: undefined, metadata: undefined };

/** What the templates of a token's policies are filled with. */
export function fillingOf({ identity, record }: Pick<Decided, 'identity' | 'record'>): Filling {
  return { subject: identity, metadata: loginMetadata(record) };
}

const anybody = Symbol('anybody');
const nobody = Symbol('nobody');
const forAnybody = { subject: anybody, metadata: undefined } as const;

function sharedAcl(policies: readonly Policy[]): SharedAcl {
  // All of them, since a rule of a template may have to be merged with one without.
  const templated = policies.some((policy) => policy.templated.length > 0) ? policies : [];
  return { acl: compileAcl(policies), templated };
}

/** What a wrapping token may do is not in the store: nobody can change it. Read at the first wrapping token, not at each start. */
let wrapping: { readonly policy: Policy; readonly acl: ReturnType<typeof compileAcl> } | undefined;

function ofWrapping() {
  if (wrapping === undefined) {
    const policy = parsePolicy(responseWrappingPolicyName, responseWrappingPolicyText);
    wrapping = { policy, acl: compileAcl([policy]) };
  }
  return wrapping;
}

function isWrapping(names: readonly string[]): boolean {
  return names.length === 1 && names[0] === responseWrappingPolicyName;
}

export class PolicyStore {
  readonly #store: BarrierStore;
  readonly #clock: Clock;
  readonly #policies = new TwoGenerationCache<KnownPolicy>(cachedPolicies);
  readonly #acls = new TwoGenerationCache<SharedAcl>(cachedAcls);
  /** By a token's own list of names, as long as the decoded token is kept. */
  readonly #compiled = new WeakMap<readonly string[], CompiledFor>();
  #epoch = 0;
  /** Names that a policy has as of `#thereSince`: making a token asks for the same few again and again. */
  readonly #there = new TwoGenerationCache<true>(cachedPolicies);
  #thereSince = 0;

  constructor(store: BarrierStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * The decisions of these policies as of `epoch` (its `policies` part), filled where they have templates. Policies that do not exist
   * grant nothing.
   */
  async acl(names: readonly string[], epoch: number, filling: Filling = unfilled): Promise<Acl> {
    if (names.includes('root')) return rootAcl;
    if (isWrapping(names)) return ofWrapping().acl;
    if (epoch !== this.#epoch) {
      this.#acls.clear();
      this.#epoch = epoch;
    }
    const key = names.join(',');
    const shared = this.#acls.get(key) ?? sharedAcl(await this.#load(names));
    const own = shared.templated.length > 0;
    const acl = own ? compileFor(shared.acl, shared.templated, filling) : shared.acl;
    // A change that came meanwhile has moved the epoch on: what was read before it must not be kept under the new one.
    if (epoch === this.#epoch) {
      this.#acls.set(key, shared);
      const { subject = nobody, metadata } = filling;
      this.#compiled.set(names, { epoch, acl, ...(own ? { subject, metadata } : forAnybody) });
    }
    return acl;
  }

  /** The decisions of a token, by its own policies and those of its identity. */
  aclOf(token: Decided, epoch: number): Promise<Acl> {
    return this.acl(token.policies, epoch, fillingOf(token));
  }

  /** The same where it is at hand already, for the path of every request. */
  compiled({ policies: names, identity, record }: Decided, epoch: number): Acl | undefined {
    if (names.length === 1 && names[0] === 'root') return rootAcl;
    const kept = this.#compiled.get(names);
    if (kept?.epoch !== epoch) return undefined;
    if (kept.subject === anybody) return kept.acl;
    const isSame = kept.subject === (identity ?? nobody) && kept.metadata === loginMetadata(record);
    return isSame ? kept.acl : undefined;
  }

  async read(name: string): Promise<StoredPolicy | undefined> {
    const sealed = await this.#store.read(policyKey(name));
    return sealed === undefined ? undefined : decodeStored<StoredPolicy>(sealed.open());
  }

  /** Which of these names no policy has, as of `epoch` or later. Opens nothing. */
  async missing(names: readonly string[], epoch: number): Promise<readonly string[]> {
    if (epoch !== this.#thereSince) {
      this.#there.clear();
      this.#thereSince = epoch;
    }
    const unseen = names.filter((name) => this.#there.get(name) === undefined);
    if (unseen.length === 0) return unseen;
    const records = await this.#store.readMany(unseen.map(policyKey));
    return unseen.filter((name, index) => {
      if (records[index] === undefined) return true;
      if (epoch === this.#thereSince) this.#there.set(name, true);
      return false;
    });
  }

  /** Names in order, `root` (which has no text) among them. */
  async list(page: PageRequest): Promise<Page<string>> {
    const after = page.after === undefined ? {} : { after: prefix + page.after };
    const found = await this.#store.range(prefix, { ...page, ...after });
    const names = found.items.map(({ key }) => key.slice(prefix.length));
    const next = found.next?.slice(prefix.length);
    // The one that is in no record has its place among the others.
    const isHere = (page.after ?? '') < rootPolicyName && (next === undefined || rootPolicyName <= next);
    const items = isHere ? [...names, rootPolicyName].toSorted() : names;
    return next === undefined ? { items } : { items, next };
  }

  /** Names in order, page by page, without `root`. */
  async names(page: PageRequest): Promise<Page<string>> {
    const after = page.after === undefined ? {} : { after: prefix + page.after };
    const { items, next } = await this.#store.range(prefix, { limit: page.limit, ...after });
    return {
      items: items.map(({ key }) => key.slice(prefix.length)),
      ...(next === undefined ? {} : { next: next.slice(prefix.length) }),
    };
  }

  /**
   * The policies of these names that there are, with templates filled; `root` has none of its own. Throws `integrity` as `acl` does.
   */
  async load(names: readonly string[], filling: Filling = unfilled): Promise<readonly Policy[]> {
    if (isWrapping(names)) return [ofWrapping().policy];
    const policies = await this.#load(names.filter((name) => name !== 'root'));
    return fillPolicies(policies, filling) ?? policies.map((policy) => ({ ...policy, rules: [] }));
  }

  /** Throws `invalid_request` listing what is wrong with the text; then nothing has changed. */
  async write(name: string, text: string): Promise<void> {
    const value = encodeStored({
      name,
      text: parsePolicy(name, text).text,
      writtenAt: this.#clock.now(),
    } satisfies StoredPolicy);
    if (value.length > storageLimits.recordBytes - 1_024) {
      throw new CofferError('invalid_request', 'a policy has at most 255 KiB of text');
    }
    await this.#commit(name, value);
  }

  /** Deleting what is not there is fine. */
  async delete(name: string): Promise<void> {
    await this.#commit(name, null);
  }

  async #commit(name: string, value: Buffer | null): Promise<void> {
    await retryOnConflict(async () => {
      const bump = await bumpWitnessed(this.#store, 'policies', name, value);
      await this.#store.commit([{ key: policyKey(name), value }, ...bump.writes], [bump.expectation]);
    });
  }

  async #load(names: readonly string[]): Promise<readonly Policy[]> {
    const policies: Policy[] = [];
    for (let start = 0; start < names.length; start += readAtOnce) {
      policies.push(...(await this.#loadGroup(names.slice(start, start + readAtOnce))));
    }
    return policies;
  }

  /** Throws `integrity` for a policy that is not the one last written. */
  async #loadGroup(names: readonly string[]): Promise<readonly Policy[]> {
    const lists = [...new Set(names.map((name) => witnessKey('policies', name)))];
    const [epoch, ...records] = await this.#store.readMany([epochKey, ...lists, ...names.map(policyKey)]);
    const found = names.map((name, index) => this.#decode(name, records[lists.length + index]));
    checkWitness(
      'policies',
      decodeEpoch(epoch).witness.policies,
      new Map(lists.map((key, index) => [key, records[index]])),
      names.map((name, index) => ({ name, digest: found[index]?.digest })),
    );
    return found.flatMap((known) => (known === undefined ? [] : [known.policy]));
  }

  #decode(name: string, sealed: SealedRecord | undefined): KnownPolicy | undefined {
    if (sealed === undefined) return undefined;
    const known = this.#policies.get(name);
    if (known?.revision === sealed.revision) return known;
    const plaintext = sealed.open();
    const policy = parsePolicy(name, decodeStored<StoredPolicy>(plaintext).text);
    const decoded = { revision: sealed.revision, policy, digest: digestOf(plaintext) };
    this.#policies.set(name, decoded);
    return decoded;
  }
}

/** The first records of a store: the built-in `default` policy. */
export function policyRecord(
  name: string,
  text: string,
  now: number,
): { key: ReturnType<typeof policyKey>; value: Buffer } {
  return { key: policyKey(name), value: encodeStored({ name, text, writtenAt: now } satisfies StoredPolicy) };
}
